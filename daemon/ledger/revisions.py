"""Applies the revisions in `versions`, by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from daemon.ledger.failures import LedgerError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ADVISORY_LOCK = 0x7265636569707477  # "receiptw"; any number that no other program takes


def apply(connection: Connection) -> None:
    """As `migration.upgrade`, whatever the database's revision."""
    if connection.dialect.name == "postgresql":  # SQLite's write transaction excludes by itself
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    config = _config(connection)
    _refuse_newer(connection, ScriptDirectory.from_config(config))
    command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _refuse_newer(connection: Connection, script: ScriptDirectory) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise LedgerError(
                f"The ledger's schema is {revision}, and this program knows it only up to "
                f"{script.get_current_head()}: it was written by a newer Receiptwatch; install "
                "that version, or restore the backup from before the upgrade."
            )
