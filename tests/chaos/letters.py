"""Messages as the intake hands them to the ledger."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from daemon.lifecycles.arrival import Arrival, IntakeMode
from tests.chaos.house import RECIPIENT, SENDER, SHOP

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def arrivals_of(numbers: Iterable[int], at: datetime) -> list[Arrival]:
    """A receipt for each number, all taken in at that instant."""
    return [_arrival(f"{number}@shop.example", at) for number in numbers]


def _arrival(name: str, at: datetime) -> Arrival:
    raw = (
        f"Message-ID: <{name}>\r\nFrom: Shop <{SENDER}>\r\nTo: {RECIPIENT}\r\n"
        f"Subject: Your order {name}\r\n\r\nThank you.\r\n"
    ).encode()
    return Arrival(
        shop=SHOP,
        mode=IntakeMode.RELAY,
        mail_from=SENDER,
        recipients=(RECIPIENT,),
        client="127.0.0.1",
        helo="shop.example",
        login=None,
        smtputf8=False,
        received_at=at,
        message_id=name,
        dedupe=hashlib.sha256(name.encode()).digest(),
        sha256=hashlib.sha256(raw).digest(),
        raw=raw,
    )
