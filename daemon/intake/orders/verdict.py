"""What was read in a message: its order, and for people and the ledger what it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Matched(StrEnum):
    """By what an order was found; in this order they are trusted."""

    HEADER = "header"
    LINKED_DATA = "json-ld"
    MICRODATA = "microdata"
    SUBJECT = "pattern subject"
    BODY = "pattern body"


@dataclass(frozen=True, slots=True)
class Found:
    """An order: `number` is 1 to 64 printable characters; `customer` is a checked address.

    `total` is the text of a plain decimal number, `currency` three capitals (ISO 4217).
    """

    number: str
    by: Matched
    customer: str | None = None
    customer_name: str | None = None
    total: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as it was read; everything may be missing.

    `sender` is the address in From; `recipients` are those in To and Cc, or in a journal's report,
    who are neither the shop nor we; `language` is en, fa, ar or he. With a `problem`, which ends a
    sentence about the message, it was not, or not wholly, taken apart.
    """

    order: Found | None = None
    subject: str | None = None
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    sent_at: datetime | None = None
    language: str | None = None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For the way out of the worker."""
        return {**asdict(self), "sent_at": self.sent_at and self.sent_at.isoformat()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Reading:
        """What `as_json` made."""
        order, sent_at = record["order"], record["sent_at"]
        return cls(
            **{
                **record,
                "order": order and Found(**{**order, "by": Matched(order["by"])}),
                "recipients": tuple(record["recipients"]),
                "sent_at": sent_at and datetime.fromisoformat(sent_at),
            }
        )
