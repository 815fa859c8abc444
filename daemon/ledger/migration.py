"""Brings a database to this program's schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import column, inspect, select, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = max(file.stem for file in Path(__file__).with_name("versions").glob("[0-9]*.py"))[:4]
"""The newest revision: each file is called by its number."""
_VERSION = table("alembic_version", column("version_num"))


def upgrade(connection: Connection) -> None:
    """Apply every missing revision within the caller's transaction, one daemon at a time.

    Raises LedgerError when the database was migrated by a newer program.
    """
    if _revision(connection) == HEAD:
        return
    # only now: every start would wait for Alembic, a tenth of its time
    from daemon.ledger.revisions import apply  # noqa: PLC0415 - as it says above

    apply(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()
