"""What a person does about an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.desk.refusal import NotDone
from daemon.ledger import incidents

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.incidents import IncidentRow


async def acknowledge(
    conn: AsyncConnection, incident: str, *, at: datetime, by: str, shop: str | None = None
) -> IncidentRow:
    """Say that somebody is on it; raises NotDone. Done twice, the first one stays."""
    row = await _found(conn, incident, shop)
    if row.acknowledged_at is None and not await incidents.mark_acknowledged(
        conn, incident, at=at, by=by
    ):
        raise NotDone(f"Incident {incident} is {row.state}; there is nothing to acknowledge.")
    return await _found(conn, incident, shop)


async def dismiss(
    conn: AsyncConnection, incident: str, *, at: datetime, by: str, shop: str | None = None
) -> IncidentRow:
    """Say that it was none; raises NotDone."""
    row = await _found(conn, incident, shop)
    if not await incidents.mark_dismissed(conn, incident, at=at, by=by):
        raise NotDone(f"Incident {incident} is {row.state}; it cannot be dismissed any more.")
    return await _found(conn, incident, shop)


async def _found(conn: AsyncConnection, incident: str, shop: str | None) -> IncidentRow:
    row = await incidents.get(conn, incident, shop=shop)
    if row is None:
        raise NotDone(f"There is no incident {incident}.")
    return row
