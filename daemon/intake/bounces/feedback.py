"""Complaints: the abuse feedback report (RFC 5965)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake.bounces.addresses import found_in
from probes.letter import TooHostile, read_letter

if TYPE_CHECKING:
    from daemon.intake.bounces.anatomy import Anatomy

PART = "message/feedback-report"

COMPLAINTS = frozenset(
    {"abuse", "fraud", "virus", "opt-out", "opt-out-list", "other", "miscategorized"}
)
"""Feedback types by which somebody wants no more of this; "not-spam" says the opposite, and
"auth-failure" (RFC 6591) and "dmarc" are about a domain."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A report: its type in lower case, whom it names, who wrote it."""

    type: str
    recipients: tuple[str, ...]
    agent: str
    reporter: str


def feedback(message: Anatomy) -> Feedback | None:
    """The message's feedback report; None when it has none, or one without a type."""
    content = message.content(PART)
    if content is None:
        return _of_hotmail(message)
    try:
        fields = read_letter(content.lstrip("\n").encode()).fields
    except TooHostile:
        return None
    values = {field.name: field.value for field in reversed(fields)}
    named = [a for f in fields if f.name in _WHO for a in found_in(f.value)]
    kind = values.get("feedback-type", "").lower()
    if not kind:
        return None
    reporter = values.get("reporting-mta", "").rpartition(";")[2].strip()
    return Feedback(kind, tuple(named), values.get("user-agent", ""), reporter)


def _of_hotmail(message: Anatomy) -> Feedback | None:
    """Microsoft's JMRP sends the message alone, with the recipient in a field of its own."""
    named = _HOTMAIL.search(message.returned or "")
    if named is None or "hotmail.com" not in message.value("from").lower():
        return None
    return Feedback("abuse", tuple(found_in(named[1])), "JMRP", "hotmail.com")


_HOTMAIL = re.compile(r"^x-hmxmroriginalrecipient:([^\n]{0,300})", re.IGNORECASE | re.MULTILINE)
_WHO = frozenset({"original-rcpt-to", "removal-recipient", "final-recipient", "original-recipient"})
