"""A database that is locked, full, away or silent: told in time and in words, and then it works."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, make_url, text

from daemon.ledger import Ledger, LedgerError, LedgerFull, probes, schema
from tests.daemon.ledger.arrival_samples import arrival, count, intake
from tests.daemon.ledger.samples import planned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from daemon.ledger.arrivals import Arrivals
    from tests.world.postgres import Cluster


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def ledger(file: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{file}")
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture
async def arrivals(ledger: Ledger) -> AsyncIterator[Arrivals]:
    taking = intake(ledger)
    yield taking
    await taking.close()


async def refused(arrivals: Arrivals, number: int = 5) -> list[Any]:
    """What several callers at once are told; within the time that they were promised."""
    began = time.monotonic()
    taking = (arrivals.take(arrival(("refused", n))) for n in range(number))
    told = await asyncio.gather(*taking, return_exceptions=True)
    assert time.monotonic() - began < 2.5
    return told


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process, for all SQLite knows, is writing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_a_locked_database_is_an_error_in_time_and_then_works(
    file: Path, ledger: Ledger, arrivals: Arrivals
) -> None:
    await arrivals.take(arrival("before"))
    with locked(file):
        told = await refused(arrivals)
    assert {str(one) for one in told} == {
        "The ledger failed: another program keeps the database locked."
    }
    assert not (await arrivals.take(arrival("after"))).duplicate
    assert await count(ledger, schema.messages) == 2


async def test_who_waits_behind_a_writer_that_is_stuck_is_told_in_time(
    file: Path, ledger: Ledger, arrivals: Arrivals
) -> None:
    with locked(file):
        stuck = asyncio.create_task(store_a_probe(ledger))
        await asyncio.sleep(0.05)
        assert {type(one) for one in await refused(arrivals)} == {LedgerError}
    await stuck
    assert not (await arrivals.take(arrival("after"))).duplicate
    assert await count(ledger, schema.messages) == 1


async def store_a_probe(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await probes.plan(conn, planned())


@contextmanager
def full(ledger: Ledger) -> Iterator[None]:
    """No page more: SQLite says of its own limit what it says of a full disk."""
    thread = ledger._thread
    assert thread
    with thread._engine.connect() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
    limits = [f"PRAGMA max_page_count={pages}"]

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in limits:
            connection.execute(pragma)

    event.listen(thread._engine, "connect", limit)
    thread._engine.dispose()
    yield
    limits.clear()


async def test_a_full_disk_is_named_and_then_works(
    file: Path, ledger: Ledger, arrivals: Arrivals
) -> None:
    with full(ledger):
        large = arrival("large", raw=b"x" * 500_000)
        with pytest.raises(LedgerFull, match="disk that holds the database is full"):
            await arrivals.take(large)
    assert await count(ledger, schema.messages) == 0
    assert not (await arrivals.take(large)).duplicate
    with closing(sqlite3.connect(file)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_the_writers_connection_is_as_durable_as_the_others(ledger: Ledger) -> None:
    def ask(conn: Connection) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}

    async with ledger.turn() as transact:
        found = await transact(ask)
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 1_500,
    }


@contextmanager
def gone(cluster: Cluster, url: str) -> Iterator[None]:
    """The server has cut everybody off and lets nobody in."""
    name = str(make_url(url).database)
    cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    cut_off = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
    cluster.execute(f"{cut_off}'{name}'")
    yield
    cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.fixture
async def on_postgres(postgres_url: str) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(postgres_url)
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.mark.postgres
async def test_a_server_that_is_gone_is_an_error_in_time_and_then_works(
    on_postgres: Ledger, postgres_cluster: Cluster, postgres_url: str
) -> None:
    arrivals = intake(on_postgres)
    await arrivals.take(arrival("before"))
    with gone(postgres_cluster, postgres_url):
        assert {type(one) for one in await refused(arrivals)} == {LedgerError}
    assert not (await arrivals.take(arrival("after"))).duplicate
    assert await count(on_postgres, schema.messages) == 2
    await arrivals.close()


@pytest.mark.postgres
async def test_a_server_that_does_not_answer_is_an_error_in_time_and_then_works(
    on_postgres: Ledger,
) -> None:
    arrivals = intake(on_postgres)
    async with on_postgres.write() as conn:
        await conn.execute(text("LOCK TABLE messages"))
        assert {type(one) for one in await refused(arrivals)} == {LedgerError}
    assert not (await arrivals.take(arrival("after"))).duplicate
    assert await count(on_postgres, schema.messages) == 1
    await arrivals.close()
