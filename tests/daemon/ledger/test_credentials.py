"""Rotated refresh tokens: sealed for one seed, by one key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from daemon.ledger import Ledger, LedgerError, credentials, schema
from tests.daemon.ledger.samples import HOUR, NOON

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"k" * 32
SECRET = "1//refresh-token-of-the-seed"


async def test_a_token_comes_back_and_the_newest_counts(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        assert await credentials.load(conn, KEY, "gmail-1") is None
        await credentials.save(conn, KEY, "gmail-1", "first", NOON)
        await credentials.save(conn, KEY, "gmail-1", SECRET, NOON + HOUR)
        assert await credentials.load(conn, KEY, "gmail-1") == SECRET
        assert await credentials.load(conn, KEY, "yahoo-1") is None
        await credentials.drop(conn, "gmail-1")
        assert await credentials.load(conn, KEY, "gmail-1") is None


async def test_another_key_opens_nothing_and_says_so(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await credentials.save(conn, KEY, "gmail-1", SECRET, NOON)

    async def pry() -> None:
        async with ledger.read() as conn:
            await credentials.load(conn, b"x" * 32, "gmail-1")

    with pytest.raises(LedgerError, match=r"gmail-1 was sealed with another key") as caught:
        await pry()
    assert SECRET not in str(caught.value)


async def test_a_sealed_token_fits_no_other_seed(ledger: Ledger) -> None:
    table = schema.credentials
    async with ledger.write() as conn:
        await credentials.save(conn, KEY, "gmail-1", SECRET, NOON)
        await conn.execute(update(table).values(seed="gmail-2"))

    async def borrow() -> None:
        async with ledger.read() as conn:
            await credentials.load(conn, KEY, "gmail-2")

    with pytest.raises(LedgerError, match="gmail-2"):
        await borrow()


async def test_the_token_is_not_in_the_row(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await credentials.save(conn, KEY, "gmail-1", SECRET, NOON)
        sealed = (await conn.execute(select(schema.credentials.c.sealed))).scalar_one()
    assert SECRET.encode() not in sealed


async def test_the_token_is_nowhere_in_the_files_of_the_database(tmp_path: Path) -> None:
    folder = os.fspath(tmp_path)
    ledger = await Ledger.open(f"sqlite:///{folder}/ledger.db")
    await ledger.migrate()
    async with ledger.write() as conn:
        await credentials.save(conn, KEY, "seed-in-the-clear", SECRET, NOON)
    before = octets(tmp_path)
    await ledger.close()
    for found in (before, octets(tmp_path)):
        assert b"seed-in-the-clear" in found
        assert SECRET.encode() not in found


def octets(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
