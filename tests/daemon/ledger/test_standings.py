"""What is believed of each lane comes back as it was stored; one process advances it at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from daemon.ledger import Ledger, notices, standings
from tests.daemon.ledger.samples import HOUR, NOON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    Turn = Callable[[AsyncConnection], Awaitable[None]]

STATE = {"key": ["tea", "relay", "gmail"], "cells": [0.1, 1 / 3, 1e-300], "since": None}


async def test_a_state_comes_back_to_the_last_bit(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        assert await standings.load_all(conn) == {}
        await standings.store(conn, {"tea/relay/gmail": STATE}, NOON)
        assert await standings.load_all(conn) == {"tea/relay/gmail": STATE}


async def test_only_the_lanes_that_are_stored_change(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await standings.store(conn, {"a": {"n": 1}, "b": {"n": 1}}, NOON)
        await standings.store(conn, {"b": {"n": 2}}, NOON + HOUR)
        assert await standings.load_all(conn) == {"a": {"n": 1}, "b": {"n": 2}}


async def count_up(ledger: Ledger, take_turn: Turn) -> None:
    """Read a number and store the next one: what two at once would get wrong."""
    async with ledger.write() as conn:
        await take_turn(conn)
        before: dict[str, Any] = await standings.load_all(conn)
        await asyncio.sleep(0.02)
        n = before.get("lane", {"n": 0})["n"]
        await standings.store(conn, {"lane": {"n": n + 1}}, NOON)


async def test_who_has_the_turn_has_it_alone_until_the_transaction_ends(
    ledger: Ledger, url: str
) -> None:
    daemons = [await Ledger.open(url) for _ in range(4)]
    await asyncio.gather(*(count_up(daemon, standings.take_turn) for daemon in daemons * 3))
    async with ledger.read() as conn:
        assert await standings.load_all(conn) == {"lane": {"n": 12}}
    await asyncio.gather(*(count_up(daemon, notices.take_turn) for daemon in daemons))
    async with ledger.read() as conn:
        assert await standings.load_all(conn) == {"lane": {"n": 16}}
    for daemon in daemons:
        await daemon.close()
