from __future__ import annotations

import asyncio

import pytest

from daemon.rounds.mail_room import Room


async def test_who_finds_room_does_not_wait_and_who_does_not_waits_in_turn() -> None:
    room, order, go_on = Room(100), [], asyncio.Event()

    async def hold(name: str, octets: int) -> None:
        async with room.of(octets):
            order.append(name)
            await go_on.wait()

    tasks = [asyncio.create_task(hold(*one)) for one in (("a", 60), ("b", 60), ("c", 10))]
    await asyncio.sleep(0)
    assert order == ["a"]  # c would fit, and b would never get its turn
    go_on.set()
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "c"]


async def test_what_is_larger_than_the_room_has_it_for_itself() -> None:
    room = Room(100)
    async with asyncio.timeout(5), room.of(1_000):
        waiting = asyncio.create_task(_through(room, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_who_is_cancelled_while_he_waits_takes_nothing_with_him() -> None:
    room = Room(100)
    async with room.of(100):
        gone = asyncio.create_task(_through(room, 50))
        there = asyncio.create_task(_through(room, 100))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    async with asyncio.timeout(5):
        await there
        await _through(room, 100)


async def test_who_is_cancelled_just_as_his_turn_comes_gives_it_on() -> None:
    room = Room(100)
    async with room.of(100):
        gone = asyncio.create_task(_through(room, 100))
        await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    async with asyncio.timeout(5):
        await _through(room, 100)


async def _through(room: Room, octets: int) -> None:
    async with room.of(octets):
        pass
