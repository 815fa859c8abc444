"""Telegram, by a bot. It has no idempotency key: after a lost answer, at most one duplicate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from daemon.alerts.channel import Channel, ChannelSettings, Receipt, Undeliverable
from daemon.alerts.exchange import Answer, WebAddress, ask, demand_success
from daemon.alerts.secret_file import SecretFile, secret_in

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.notice import Notice

WHOM = "Telegram"
LONGEST_TEXT = 4_096


class TelegramSettings(ChannelSettings):
    """A bot and the chat it writes to."""

    chat: Annotated[str, Field(pattern=r"^(-?[0-9]{1,20}|@[A-Za-z0-9_]{4,64})$")]
    """The chat's number in quotes, or a channel's @name."""
    token_file: SecretFile
    """File that holds the bot's token alone."""
    base_url: WebAddress = "https://api.telegram.org"
    """Another server with the same interface."""


async def deliver(notice: Notice, settings: TelegramSettings, http: httpx2.AsyncClient) -> Receipt:
    """Send the plain text, without any markup."""
    token = secret_in(settings.token_file)
    url = f"{settings.base_url.rstrip('/')}/bot{token}/sendMessage"
    message = {
        "chat_id": settings.chat,
        "text": _shortened(notice.text),
        "link_preview_options": {"is_disabled": True},
    }
    answer = await ask(http, "POST", url, whom=WHOM, json=message)
    _demand_success(answer, token)
    result = answer.json.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    return Receipt(str(number) if isinstance(number, int) else None)


CHANNEL = Channel("telegram", TelegramSettings, deliver, deduplicates=False)


def _demand_success(answer: Answer, token: str) -> None:
    """As HTTP says it; how long to wait stands in the body."""
    parameters = answer.json.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if answer.status == 429 and isinstance(wait, int) and 0 <= wait <= 86_400:
        raise Undeliverable(f"{WHOM} asks for patience.", retry_after_s=float(wait))
    demand_success(answer, WHOM, str(answer.json.get("description", "")).replace(token, "…"))
    if answer.json.get("ok") is not True:
        raise Undeliverable(f"{WHOM} did not answer properly.", in_doubt=True)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
