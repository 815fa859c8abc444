"""INSERT with ON CONFLICT, which both databases speak alike and SQLAlchemy spells twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect, Table
    from sqlalchemy.ext.asyncio import AsyncConnection


def insert(conn: AsyncConnection | Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_for(conn.dialect, table)


def insert_for(dialect: Dialect, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The same, for whoever has no connection at hand."""
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
