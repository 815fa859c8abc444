"""One message about incidents to one contact, rendered and ready for any channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Direction = Literal["ltr", "rtl"]
Fact = str | int | float | bool | None


class NoticeKind(StrEnum):
    """What a notice is about; the values of `daemon.rulings.alerting.Kind` and three more."""

    OPENED = "opened"
    REMINDER = "reminder"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CAUSE_CHANGED = "cause_changed"
    GROUPED = "grouped"
    """Several incidents in one notice."""
    OPERATOR = "operator"
    """A channel fails, and the operator is told by another."""
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """Ready to deliver.

    `key` is the idempotency key, ASCII, at most 64 characters: the same for every try. `incidents`
    is empty for an operator's notice or a test. `subject` and `short` are one line each; `short`
    keeps to 320 characters, links apart. `facts` are flat JSON values, for machines.
    """

    key: str
    kind: NoticeKind
    incidents: tuple[str, ...]
    at: datetime
    language: str
    direction: Direction
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    short: str = field(repr=False)
    facts: Mapping[str, Fact] = field(default_factory=dict)
