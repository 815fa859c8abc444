"""Rows to test with."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from daemon.ledger import probes, schema
from daemon.lifecycles.probe import UNSETTLED, ProbeState
from probes import token
from probes.observation import Location, MatchedBy, Placement, Sighting

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

_slots = (NOON + MINUTE * number for number in itertools.count(1))

_PLANNED = probes.PlannedProbe(
    id="",
    shop="tea",
    route="relay",
    role="primary",
    provider="gmail",
    seed="gmail-1",
    recipient="seed@gmail.example",
    slot=NOON,
    token="",
    message_id="<1@tea.example>",
    order_number="1001",
    language="en",
    template="builtin",
    planned_at=NOON,
    deadline_at=NOON + 10 * MINUTE,
)


def planned(**changes: Any) -> probes.PlannedProbe:
    """A probe of its own id and token; all probes have the same slot unless told otherwise."""
    probe = token.new_id()
    return replace(_PLANNED, **{"id": probe, "token": f"token-of-{probe}", **changes})


def sighting(probe: str, **changes: Any) -> Sighting:
    """The probe in the inbox, a minute after noon."""
    seen = Sighting(
        probe=probe,
        seed="gmail-1",
        matched_by=MatchedBy.MESSAGE_ID,
        placement=Placement.INBOX,
        location=Location("INBOX", 7, 42),
        internal_date=NOON + MINUTE,
        seen_at=NOON + MINUTE,
        raw=b"Subject: Order 1001\r\n\r\nThank you.\r\n",
        size=36,
        received_at=NOON + MINUTE / 2,
    )
    return replace(seen, **changes)


async def plant(
    conn: AsyncConnection, state: ProbeState = ProbeState.PLANNED, **columns: Any
) -> str:
    """Insert a probe as it would stand in `state`, and return its id."""
    of_plan = {name: value for name, value in columns.items() if hasattr(_PLANNED, name)}
    row = planned(**{"slot": next(_slots), **of_plan})
    assert await probes.plan(conn, row)
    stand = {"state": state, "settled_at": None if state in UNSETTLED else NOON, **columns}
    await conn.execute(update(schema.probes).where(schema.probes.c.id == row.id).values(**stand))
    return row.id
