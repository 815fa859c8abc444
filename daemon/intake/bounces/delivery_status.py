"""Delivery status notifications (RFC 3464), and their fields where they stand in plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake.bounces.addresses import plain, typed
from daemon.intake.bounces.phrases import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARTS = ("message/delivery-status", "message/global-delivery-status")
MOST_BLOCKS = 100
LONGEST_LINE = 2_000

_FIELD = re.compile(r"(?:> ?|\s{0,8})?([A-Za-z][A-Za-z0-9-]{2,40})\s{0,3}:(.*)")
_NAMES = names("status_fields")
_RECIPIENTS = ("original-recipient", "final-recipient", "x-actual-recipient")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_SOFTWARE = re.compile(r"^\s*[\w-]{1,30}\s*;\s*")


@dataclass(frozen=True, slots=True)
class StatusBlock:
    """What is said of one recipient; `address` may be "", `action` is in lower case."""

    address: str
    action: str
    status: str | None
    diagnostic: str
    remote_mta: str | None


def blocks(text: str) -> tuple[StatusBlock, ...]:
    """The recipients' blocks in the content of a delivery-status part, or anywhere in a text."""
    gathered: list[dict[str, str]] = []
    if "recipient" not in text.lower() and "action:" not in text.lower():
        return ()
    for fields in _paragraphs(text):
        if any(name in fields for name in _RECIPIENTS):
            gathered.append(fields)
        elif gathered and "action" not in gathered[-1] and {"action", "status"} & fields.keys():
            gathered[-1] |= fields  # an empty line fell in between
        elif not gathered and {"action", "status"} <= fields.keys():
            gathered.append(fields)
    return tuple(_block(fields) for fields in gathered[:MOST_BLOCKS])


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        if not line.strip("> \t"):
            yield fields
            fields, last = {}, ""
            continue
        named = _FIELD.match(line[:LONGEST_LINE])
        name = named[1].lower() if named else ""
        if named and (name in _NAMES or (name.startswith("x-") and not line[0].isspace())):
            if name in _RECIPIENTS and "action" in fields and name in fields:
                yield fields  # no empty line between two recipients
                fields = {}
            fields.setdefault(name, named[2].strip())
            last = name
        elif last and len(fields[last]) < LONGEST_LINE:
            # Folded, or broken by a system that does not know how to fold.
            fields[last] += f" {line.strip()[:LONGEST_LINE]}"
    yield fields


def _block(fields: Mapping[str, str]) -> StatusBlock:
    status = _STATUS.search(fields.get("status", ""))
    return StatusBlock(
        address=_address(fields),
        action=fields.get("action", "").lower(),
        status=status[1] if status else None,
        diagnostic=_SOFTWARE.sub("", fields.get("diagnostic-code", "")),
        remote_mta=_SOFTWARE.sub("", fields.get("remote-mta", "")).split(" ")[0][:255] or None,
    )


def _address(fields: Mapping[str, str]) -> str:
    """The recipient as we wrote it, which an alias or a list may have changed on the way."""
    original, final, actual = (typed(fields.get(name, "")) for name in _RECIPIENTS)
    if original and original != final:
        original = plain(original)
    return original or final or actual


def is_delay(block: StatusBlock) -> bool:
    """Whether the server keeps trying."""
    return block.action.startswith("delay")


def is_success(block: StatusBlock) -> bool:
    """Whether the block says that the mail went on its way."""
    return block.action.startswith(("deliver", "relay", "expand")) or (
        not block.action and (block.status or "").startswith("2")
    )
