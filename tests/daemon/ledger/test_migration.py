"""The revisions lead to the schema of the program, once, whoever runs them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from daemon.ledger import Ledger, LedgerError, migration, probes
from daemon.ledger.schema import metadata
from tests.daemon.ledger.samples import plant

if TYPE_CHECKING:
    from collections.abc import Iterable


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def drawn(connection: Connection) -> dict[str, Any]:
    """Every table as the database itself describes it, the conditions of its indexes included."""
    told = inspect(connection)
    return {
        table: {
            "columns": {c["name"]: (str(c["type"]), c["nullable"]) for c in columns},
            "key": told.get_pk_constraint(table),
            "unique": by_name(told.get_unique_constraints(table)),
            "foreign": by_name(told.get_foreign_keys(table)),
            "indexes": {i["name"]: index(i) for i in told.get_indexes(table)},
        }
        for table, columns in ((name, told.get_columns(name)) for name in told.get_table_names())
        if table != "alembic_version"
    }


def by_name(constraints: Iterable[Any]) -> dict[str, Any]:
    return {constraint["name"]: constraint for constraint in constraints}


def index(told: Any) -> tuple[Any, ...]:
    options = {name: str(value) for name, value in told.get("dialect_options", {}).items()}
    return told["column_names"], told["unique"], options


async def test_the_revisions_lead_to_the_schema_of_the_program(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        assert await conn.run_sync(differences) == []
        migrated = await conn.run_sync(drawn)
        await conn.run_sync(metadata.drop_all)
        await conn.run_sync(metadata.create_all)
        assert await conn.run_sync(drawn) == migrated


async def test_a_missing_column_would_be_noticed(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await conn.execute(text("ALTER TABLE probes DROP COLUMN latency_s"))
        assert await conn.run_sync(differences)


async def test_migrating_twice_changes_nothing(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn)
    await ledger.migrate()
    async with ledger.read() as conn:
        assert await probes.get(conn, probe) is not None


async def test_daemons_that_start_together_migrate_once(url: str) -> None:
    daemons = [await Ledger.open(url) for _ in range(4)]
    await asyncio.gather(*(daemon.migrate() for daemon in daemons))
    async with daemons[0].read() as conn:
        versions = await conn.execute(text("SELECT version_num FROM alembic_version"))
        assert len(versions.all()) == 1
        assert await conn.run_sync(differences) == []
    for daemon in daemons:
        await daemon.close()


def test_the_newest_revision_is_known_without_alembic() -> None:
    folder = Path(migration.__file__).parent
    assert ScriptDirectory(str(folder)).get_current_head() == migration.HEAD


async def test_a_newer_schema_is_refused_and_left_alone(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=r"schema is 9999.*written by a newer Receiptwatch"):
        await ledger.migrate()
    async with ledger.read() as conn:
        version = (await conn.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
    assert version == "9999"


async def test_a_migration_that_fails_leaves_nothing_behind(url: str) -> None:
    ledger = await Ledger.open(url)
    async with ledger.write() as conn:
        await conn.execute(text("CREATE TABLE findings (somebody TEXT)"))
    with pytest.raises(Exception, match="findings"):
        await ledger.migrate()
    async with ledger.read() as conn:
        assert await conn.run_sync(lambda c: inspect(c).get_table_names()) == ["findings"]
    await ledger.close()
