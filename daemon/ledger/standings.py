"""What is believed of each lane; opaque here, the watch reads and writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from daemon.ledger.conflict import insert
from daemon.ledger.schema import standings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

TURN = 0x5265_6377
"""PostgreSQL's advisory lock of those who advance the standings."""


async def take_turn(conn: AsyncConnection) -> None:
    """Until the transaction ends nobody else advances the standings, in any process."""
    if conn.dialect.name == "postgresql":  # SQLite's writers take turns anyway
        await conn.execute(text(f"SELECT pg_advisory_xact_lock({TURN})"))


async def load_all(conn: AsyncConnection) -> dict[str, Any]:
    """Every lane's stored state, as `store` was given it."""
    rows = await conn.execute(select(standings.c.lane, standings.c.state))
    return {row.lane: row.state for row in rows}


async def store(conn: AsyncConnection, states: Mapping[str, Any], at: datetime) -> None:
    """Store the states of lanes, in the place of the ones before."""
    for lane, state in states.items():
        new = insert(conn, standings).values(lane=lane, at=at, state=state)
        changed = {"at": new.excluded.at, "state": new.excluded.state}
        await conn.execute(new.on_conflict_do_update(index_elements=["lane"], set_=changed))
