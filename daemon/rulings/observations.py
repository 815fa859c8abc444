"""One line of the record: what became of one probe, as the rulings read it.

The same words stand in the ledger's export, in recorded traces and in the daemon's own rounds. A
probe may have several lines: a later one corrects the earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTROL = "control"
"""The role, or failing that the name, of the operator's own route."""
LONGEST = 500
"""Characters; a longer name or reply is no observation."""


class Verdict(StrEnum):
    """What became of a probe."""

    INBOX = "inbox"
    TAB = "tab"
    SPAM = "spam"
    OTHER = "other"
    MISSING = "missing"
    UNOBSERVED = "unobserved"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Observation:
    """What was known at `at` about the probe sent at `sent_at`; both in UTC.

    `missing` is said at the probe's deadline. `spf`, `dkim` and `dmarc` are result names of RFC
    8601 §2.7, None when the message was not seen. `role` is the route's, when the record has it.
    """

    at: datetime
    probe: str
    sent_at: datetime
    shop: str
    route: str
    provider: str
    seed: str
    template: str
    verdict: Verdict
    tab: str | None = None
    latency_s: float | None = None
    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None
    smtp: str | None = None
    role: str | None = None

    @property
    def is_control(self) -> bool:
        """Whether the operator's own route sent it."""
        return (self.role or self.route) == CONTROL

    def as_json(self) -> dict[str, Any]:
        """The line; `from_json` reads it back as the same observation."""
        line: dict[str, Any] = {name: getattr(self, name) for name in FIELDS}
        line |= {"at": _written(self.at), "sent_at": _written(self.sent_at)}
        if self.role is None:
            del line["role"]
        return line


FIELDS = tuple(Observation.__dataclass_fields__)
_VERDICTS: Mapping[Any, Verdict] = {str(verdict): verdict for verdict in Verdict}


def from_json(line: Mapping[str, Any]) -> Observation:
    """Read one line; keys that we do not know are left alone.

    Raises:
        ValueError: a sentence that names the field.
    """
    get = line.get
    return Observation(
        _instant(get("at"), "at"),
        _word(get("probe"), "probe"),
        _instant(get("sent_at"), "sent_at"),
        _word(get("shop"), "shop"),
        _word(get("route"), "route"),
        _word(get("provider"), "provider"),
        _word(get("seed"), "seed"),
        _word(get("template"), "template"),
        _verdict(get("verdict")),
        _optional(get("tab"), "tab"),
        _seconds(get("latency_s")),
        _optional(get("spf"), "spf"),
        _optional(get("dkim"), "dkim"),
        _optional(get("dmarc"), "dmarc"),
        _optional(get("smtp"), "smtp"),
        _optional(get("role"), "role"),
    )


def _instant(value: object, field: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)  # type: ignore[arg-type] # else a TypeError, below
    except (TypeError, ValueError):
        raise ValueError(f"{field}: {value!r:.80} is no instant") from None
    if instant.tzinfo is None:
        raise ValueError(f"{field}: {value!r:.80} has no time zone")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def _word(value: object, field: str) -> str:
    if type(value) is str and 0 < len(value) <= LONGEST and (value.isascii() or _whole(value)):
        return value
    if value is None:
        raise ValueError(f"{field}: is missing")
    raise ValueError(f"{field}: {value!r:.80} is no text of 1 to {LONGEST} characters")


def _whole(text: str) -> bool:
    """Whether it is text at all: JSON can escape one half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _optional(value: object, field: str) -> str | None:
    return None if value is None else _word(value, field)


def _verdict(value: object) -> Verdict:
    try:
        return _VERDICTS[value]
    except (KeyError, TypeError):
        known = ", ".join(Verdict)
        raise ValueError(f"verdict: {value!r:.80} is none of {known}") from None


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if type(value) in {int, float} and 0 <= value < 1e9:  # type: ignore[operator] # just checked
        return float(value)  # type: ignore[arg-type] # just checked
    raise ValueError(f"latency_s: {value!r:.80} is no number of seconds")


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
