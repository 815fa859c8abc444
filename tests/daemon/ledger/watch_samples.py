"""Incidents and notices to test with."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from daemon.ledger import incidents, notices, schema
from daemon.ledger.incidents import IncidentRow
from daemon.ledger.notices import ToldRow
from daemon.lifecycles.incident import IncidentState
from tests.daemon.ledger.samples import MINUTE, NOON

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_numbers = itertools.count(1)

INCIDENT = IncidentRow(
    id="",
    shop="tea",
    route="relay",
    provider="gmail",
    seed=None,
    state=IncidentState.OPEN,
    cause="route",
    probability=0.91,
    why="Gmail: 3 of the last 3 test receipts by relay went into spam.",
    facts={"fate": "spam", "seeds": 3},
    evidence=("P1", "P2"),
    opened_at=NOON,
    changed_at=NOON,
    acknowledged_at=None,
    acknowledged_by=None,
    resolved_at=None,
    episode=1,
)


def incident(**changes: Any) -> IncidentRow:
    """An open incident with an id of its own."""
    return replace(INCIDENT, **{"id": f"i-{next(_numbers):012x}", **changes})


async def opened(conn: AsyncConnection, **changes: Any) -> IncidentRow:
    """Store an incident, in any state."""
    row = incident(**changes)
    assert await incidents.open_(conn, replace(row, state=IncidentState.OPEN))
    there = update(schema.incidents).where(schema.incidents.c.id == row.id)
    await conn.execute(there.values(state=row.state))
    return row


async def planned(
    conn: AsyncConnection,
    *about: str,
    key: str = "",
    contact: str = "sara",
    kind: str = "opened",
    at: datetime = NOON,
    cause: str = "route",
) -> str:
    """Plan a notice about these subjects, and return its key."""
    key = key or f"rw-{next(_numbers)}"
    lines = [ToldRow(key, subject, contact, kind, at, 1, cause) for subject in about]
    words = {"contact": contact, "channel": "sms", "kind": kind, "about": about}
    assert await notices.plan(conn, lines, key=key, at=at, **words)  # type: ignore[arg-type] # a mapping of both
    return key


async def sending(conn: AsyncConnection, *about: str, **changes: Any) -> str:
    """Plan a notice and claim it."""
    key = await planned(conn, *about, **changes)
    at = changes.get("at", NOON)
    assert await notices.claim(conn, key, now=at, until=at + MINUTE)
    return key
