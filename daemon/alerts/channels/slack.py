"""Slack, by an incoming webhook. No idempotency key: after a lost answer, at most one duplicate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from daemon.alerts.channel import Channel, ChannelSettings, Receipt, Undeliverable
from daemon.alerts.exchange import ask, demand_success, protected
from daemon.alerts.secret_file import SecretFile, secret_in

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.notice import Notice

WHOM = "Slack"
LONGEST_HEADER = 150
LONGEST_SECTION = 3_000
_WORD = re.compile(rb"[a-z_]{1,60}")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackSettings(ChannelSettings):
    """An incoming webhook, which belongs to one of Slack's channels."""

    url_file: SecretFile
    """File that holds the webhook's URL alone; whoever knows it can post."""


async def deliver(notice: Notice, settings: SlackSettings, http: httpx2.AsyncClient) -> Receipt:
    """Post subject and text as blocks of plain text."""
    try:
        url = protected(secret_in(settings.url_file))
    except ValueError as error:
        raise Undeliverable(f"{WHOM}'s webhook {error}.", permanent=True) from None
    answer = await ask(http, "POST", url, whom=WHOM, json=_message(notice))
    word = _WORD.fullmatch(answer.body)
    demand_success(answer, WHOM, word[0].decode() if word else "")
    return Receipt()


CHANNEL = Channel("slack", SlackSettings, deliver, deduplicates=False)


def _message(notice: Notice) -> dict[str, Any]:
    """Plain text in blocks needs no escape; the fallback line is read as markup."""
    _, _, rest = notice.text.partition("\n\n")
    return {
        "text": notice.subject.translate(_ESCAPES),
        "blocks": [
            {"type": "header", "text": _plain(notice.subject, LONGEST_HEADER)},
            {"type": "section", "text": _plain(rest or notice.subject, LONGEST_SECTION)},
        ],
    }


def _plain(text: str, longest: int) -> dict[str, Any]:
    shown = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return {"type": "plain_text", "text": shown, "emoji": False}
