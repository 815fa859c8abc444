"""Turns that processes take with what only one of them may do at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

STANDINGS = 0x5265_6377
"""To advance the standings."""
NOTICES = 0x5265_6378
"""To decide whom to tell what."""
ROUTES = 0x5265_6379
"""To judge routes by what came of order mail."""


async def take(conn: AsyncConnection, turn: int) -> None:
    """Wait for the turn and keep it until the transaction ends."""
    if conn.dialect.name == "postgresql":  # SQLite's writers take turns anyway
        await conn.execute(select(func.pg_advisory_xact_lock(turn)))
