"""Transactions: durable or undone, one writer at a time, failures in words."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from daemon.ledger import Ledger, LedgerError, probes, schema
from tests.daemon.ledger.samples import planned, plant, sighting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def count(ledger: Ledger) -> int:
    async with ledger.read() as conn:
        return (await conn.execute(select(func.count()).select_from(schema.probes))).scalar_one()


async def test_a_write_is_seen_by_another_connection_once_it_is_left(
    ledger: Ledger, url: str
) -> None:
    other = await Ledger.open(url)
    async with ledger.write() as conn:
        await probes.plan(conn, planned())
        assert await count(other) == 0
    assert await count(other) == 1
    await other.close()


async def test_a_write_that_raises_is_undone(ledger: Ledger) -> None:
    async def stumble() -> None:
        async with ledger.write() as conn:
            await probes.plan(conn, planned())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    assert await count(ledger) == 0


async def test_a_write_that_is_cancelled_is_undone_and_leaves_the_ledger_usable(
    ledger: Ledger,
) -> None:
    inside = asyncio.Event()

    async def dawdle() -> None:
        async with ledger.write() as conn:
            await probes.plan(conn, planned())
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(dawdle())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with ledger.write() as conn:
        await plant(conn)
    assert await count(ledger) == 1


async def test_a_failed_statement_undoes_the_whole_transaction(ledger: Ledger) -> None:
    async def twins() -> None:
        one = planned()
        async with ledger.write() as conn:
            await probes.plan(conn, one)
            await probes.plan(conn, planned(token=one.token, route="other"))

    with pytest.raises(IntegrityError):
        await twins()
    assert await count(ledger) == 0


async def test_twenty_writers_at_once_all_succeed(ledger: Ledger) -> None:
    async def one(number: int) -> None:
        async with ledger.write() as conn:
            assert await probes.plan(conn, planned(route=f"route-{number}"))

    await asyncio.gather(*(one(number) for number in range(20)))
    assert await count(ledger) == 20


async def test_two_open_ledgers_write_at_once(ledger: Ledger, url: str) -> None:
    other = await Ledger.open(url)

    async def ten(writer: Ledger, route: str) -> None:
        for number in range(10):
            async with writer.write() as conn:
                await probes.plan(conn, planned(route=f"{route}-{number}"))

    await asyncio.gather(ten(ledger, "a"), ten(other, "b"))
    assert await count(ledger) == 20
    await other.close()


async def test_a_reader_reads_while_a_writer_writes(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await probes.plan(conn, planned())
        async with asyncio.timeout(5):
            assert await count(ledger) == 0


async def test_a_reader_cannot_write(ledger: Ledger) -> None:
    async def scribble() -> None:
        async with ledger.read() as conn:
            await probes.plan(conn, planned())

    with pytest.raises(LedgerError, match="read-only"):
        await scribble()
    async with ledger.write() as conn:
        assert await probes.plan(conn, planned())


async def test_our_own_mistakes_are_not_dressed_up(ledger: Ledger) -> None:
    async def blunder() -> None:
        async with ledger.read() as conn:
            await conn.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(DBAPIError, match="no_such_table"):
        await blunder()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger whose file may not grow."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/small.db")
    await ledger.migrate()
    yield ledger
    await ledger.close()


async def test_a_full_disk_is_named_and_undone(small: Ledger) -> None:
    async def overfill() -> None:
        async with small.write() as conn:
            probe = await plant(conn)
            pages = (await conn.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await conn.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
            large = sighting(probe, raw=b"x" * 100_000)
            await probes.mark_sighted(conn, large, latency_s=None, next_look_at=None)

    with pytest.raises(LedgerError, match="disk that holds the database is full"):
        await overfill()
    assert await count(small) == 0


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("code", "words"),
    [("53100", "disk that holds"), ("25006", "read-only"), ("57P03", "shutting down or starting")],
)
async def test_what_postgresql_reports_is_named(postgres_url: str, code: str, words: str) -> None:
    ledger = await Ledger.open(postgres_url)

    async def fail() -> None:
        raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
        async with ledger.write() as conn:
            await conn.execute(text(raising))

    with pytest.raises(LedgerError, match=words):
        await fail()
    await ledger.close()


@pytest.mark.postgres
async def test_a_lost_connection_is_named_and_the_next_one_is_fresh(postgres_url: str) -> None:
    ledger, other = await Ledger.open(postgres_url), await Ledger.open(postgres_url)

    async def be_cut_off() -> None:
        async with ledger.read() as conn:
            backend = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with other.read() as killer:
                await killer.execute(text(f"SELECT pg_terminate_backend({backend}, 5000)"))
            await conn.execute(text("SELECT 1"))

    with pytest.raises(LedgerError, match=r"lost|shutting down"):
        await be_cut_off()
    async with ledger.read() as conn:
        assert (await conn.execute(text("SELECT 1"))).scalar_one() == 1
    await ledger.close()
    await other.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hunter2@127.0.0.1:1/receiptwatch",
        "sqlite:////no/such/folder/ledger.db",
        "sqlite:///",
        "sqlite://",
        "mysql://app:hunter2@localhost/receiptwatch",
        "no url: hunter2",
        "postgresql://app:hunter2@localhost:port/receiptwatch",
    ],
)
async def test_a_database_that_cannot_be_reached_is_one_sentence_without_its_password(
    url: str,
) -> None:
    with pytest.raises(LedgerError) as caught:
        await Ledger.open(url)
    sentence = str(caught.value)
    assert sentence.startswith("The ledger")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "hunter2" not in sentence


@pytest.mark.postgres
async def test_a_database_that_the_server_does_not_have_is_named(postgres_url: str) -> None:
    with pytest.raises(LedgerError, match="cannot be reached: the database server has no such"):
        await Ledger.open(postgres_url.replace("/test_", "/absent_"))


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear database, " * 100)
    with pytest.raises(LedgerError, match="not an SQLite database"):
        await Ledger.open(f"sqlite:///{tmp_path}/letter.db")


async def test_a_ledger_that_somebody_is_just_creating_is_waited_for(tmp_path: Path) -> None:
    creator = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    creator.execute("BEGIN IMMEDIATE")
    opening = asyncio.create_task(Ledger.open(f"sqlite:///{tmp_path}/ledger.db"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(opening), 0.2)
    creator.close()
    async with asyncio.timeout(10):
        await (await opening).close()


async def test_opening_a_ledger_twice_leaves_the_first_ones_locks_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    first = await Ledger.open(url)
    await first.migrate()
    async with first.read() as conn:
        await probes.recent(conn, shop=None, limit=1)
        before = locks_on(tmp_path / "ledger.db")
        await (await Ledger.open(url)).close()
        assert before
        assert locks_on(tmp_path / "ledger.db") >= before
    await first.close()


def locks_on(file: Path) -> set[str]:
    """The POSIX locks that this process holds on the file, as the kernel lists them."""
    mine, inode = str(os.getpid()), str(file.stat().st_ino)
    entries = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return {" ".join(e[1:]) for e in entries if mine in e and e[5].endswith(f":{inode}")}


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is not a file that we may write"):
        await Ledger.open(f"sqlite:///{tmp_path}")


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_the_file_and_its_log_are_ours_alone_to_read(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    found = modes(tmp_path)
    await ledger.close()
    assert found == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


async def test_sqlite_is_set_to_keep_what_it_has_committed(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    async with ledger.write() as conn:
        found = {
            name: (await conn.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    await ledger.close()
    full = 2
    assert found == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }
