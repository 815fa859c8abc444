"""What is believed of each lane; opaque here, the watch reads and writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from daemon.ledger import turns
from daemon.ledger.conflict import insert
from daemon.ledger.schema import standings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


async def take_turn(conn: AsyncConnection) -> None:
    """Until the transaction ends nobody else advances the standings, in any process."""
    await turns.take(conn, turns.STANDINGS)


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
