"""Where the text for people ends and the returned message begins, and what its header tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake.bounces.addresses import found_in
from daemon.intake.bounces.delivery_status import PARTS as DELIVERY_STATUS
from daemon.intake.bounces.phrases import phrases
from probes.letter import TooHostile, read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.intake.bounces.anatomy import Anatomy
    from probes.letter import Letter

# Lines by which mail systems announce the returned message.
_ANNOUNCED = re.compile(
    rf"^[ \t>*]{{0,10}}[-=_*#+.~]{{0,80}}[ \t]{{0,4}}(?:{'|'.join(phrases()['announced'])})",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(r"(?:> ?)?([A-Za-z][A-Za-z0-9-]{1,40}):")
_FOLDED = re.compile(r"(?:> ?)?[ \t]")
_STRONG = frozenset({"received", "return-path", "message-id", "mime-version", "dkim-signature"})
_ENOUGH = 3
"""Header lines in a row, one of them strong, are a returned header, announced or not."""
_NAMED = re.compile(
    r"^[ \t]{0,8}(?:x-)?(?:original-)?message-id:[ \t]{0,8}<([^<>\s]{1,250}@[^<>\s]{1,250})>",
    re.IGNORECASE | re.MULTILINE,
)
_MESSAGE_ID = re.compile(r"<?([^<>\s]{1,250}@[^<>\s]{1,250})>?")


@dataclass(frozen=True, slots=True)
class Returned:
    """What the returned message's header tells: to whom, from whom, its Message-ID."""

    recipients: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    message_id: str | None = None


def told(text: str) -> tuple[str, str]:
    """The text for people, and what is returned below it ("" when nothing is)."""
    announced = _ANNOUNCED.search(text)
    header = _header_at(text)
    ends = [announced.start()] if announced else []
    ends += [header] if header is not None else []
    end = min(ends, default=len(text))
    return text[:end], text[end:]


def _header_at(text: str) -> int | None:
    """Where the first run of header lines begins, one of which only real headers have."""
    begun = at = count = 0
    strong = False
    for line in text.split("\n"):
        named = _FIELD.match(line)
        if named:
            begun = begun if count else at
            count += 1
            strong = strong or named[1].lower() in _STRONG
        elif not (count and _FOLDED.match(line)):
            count, strong = 0, False
        if count >= _ENOUGH and strong:
            return begun
        at += len(line) + 1
    return None


def returned(message: Anatomy) -> Returned:
    """The returned message's header, from its own part or from below the text."""
    for header in _headers(message):
        found = _read(header)
        if found.recipients or found.message_id:
            return found
    return Returned()


def _headers(message: Anatomy) -> Iterator[Letter]:
    contents = [message.returned] if message.returned else []
    below = told(message.text)[1]
    at = _header_at(below)
    if at is not None:
        contents.append(re.sub(r"^> ?", "", below[at:], flags=re.MULTILINE))
    for content in contents:
        try:
            yield read_letter(content.lstrip("\n").encode("utf-8", "replace"))
        except TooHostile:
            continue


def _read(header: Letter) -> Returned:
    def addresses(*names: str) -> tuple[str, ...]:
        fields = [field for field in header.fields if field.name in names]
        return tuple(a for field in fields for a in found_in(field.value))

    field = header.first("message-id")
    named = _MESSAGE_ID.search(field.value[:600]) if field else None
    return Returned(
        recipients=addresses("to") or addresses("delivered-to", "envelope-to", "x-original-to"),
        senders=addresses("from", "sender", "return-path", "reply-to"),
        message_id=named[1] if named else None,
    )


def answered(message: Anatomy) -> str | None:
    """The Message-ID that the bounce names in its report, in its text, or in its own header."""
    for content in (message.content(*DELIVERY_STATUS), message.text):
        named = _NAMED.search(content or "")
        if named:
            return named[1]
    for name in ("x-original-message-id", "in-reply-to", "references"):
        named = _MESSAGE_ID.search(message.words(name)[:600])
        if named:
            return named[1]
    return None
