"""Messages to be taken in."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from daemon.ledger.arrivals import Arrivals
from daemon.lifecycles.arrival import Arrival, IntakeMode
from tests.daemon.ledger.samples import NOON

if TYPE_CHECKING:
    from sqlalchemy import Table

    from daemon.ledger import Ledger

RECIPIENT = "customer@gmail.example"


def arrival(name: object = 1, **changes: Any) -> Arrival:
    """A relayed receipt; those of one name are the same."""
    raw = b"Subject: Order %s\r\n\r\nThank you.\r\n" % str(name).encode()
    message = Arrival(
        shop="tea",
        mode=IntakeMode.RELAY,
        mail_from="orders@tea.example",
        recipients=(RECIPIENT,),
        client="192.0.2.7",
        helo="shop.tea.example",
        login="tea",
        smtputf8=False,
        received_at=NOON,
        message_id=f"{name}@tea.example",
        dedupe=hashlib.sha256(b"%s" % str(name).encode()).digest(),
        sha256=hashlib.sha256(raw).digest(),
        raw=raw,
    )
    return replace(message, **changes)


def intake(ledger: Ledger) -> Arrivals:
    """What takes them, for two shops."""
    return Arrivals(ledger, routes={"tea": "primary", "rugs": "smarthost"})


async def count(ledger: Ledger, table: Table) -> int:
    async with ledger.read() as conn:
        return (await conn.execute(select(func.count()).select_from(table))).scalar_one()
