"""Notices: planned once, claimed by one, in order, and settled by whoever holds the claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from daemon.ledger import Ledger, notices, schema
from daemon.ledger.notices import ToldRow
from daemon.ledger.states import NoticeState
from daemon.lifecycles.incident import IncidentState
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON
from tests.daemon.ledger.watch_samples import opened, planned, sending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    Settle = Callable[[AsyncConnection, str], Awaitable[bool]]

LATER = NOON + 2 * MINUTE
DAY = 24 * HOUR


async def due_keys(conn: AsyncConnection, now: object = NOON) -> list[str]:
    return [row.key for row in await notices.due(conn, now, limit=99)]  # type: ignore[arg-type] # an instant


async def test_a_notice_is_planned_with_its_lines_and_only_once(ledger: Ledger) -> None:
    line = ToldRow("rw-1", "i-1", "sara", "opened", NOON, 1, "route")
    words = {"contact": "sara", "channel": "sms", "kind": "opened", "about": ("i-1",)}
    async with ledger.write() as conn:
        assert await notices.plan(conn, [line], key="rw-1", at=NOON, **words)  # type: ignore[arg-type] # a mapping of both
        assert not await notices.plan(conn, [line], key="rw-1", at=LATER, **words)  # type: ignore[arg-type] # as above
        row = await notices.get(conn, "rw-1")
        assert await notices.lines(conn, "sara", "i-1") == [line]
    assert row
    assert (row.state, row.attempts, row.doubts) == (NoticeState.PLANNED, 0, 0)
    assert (row.about, row.planned_at, row.due_at) == (("i-1",), NOON, NOON)


async def test_a_notice_that_cannot_be_stored_with_its_lines_is_not_stored_at_all(
    ledger: Ledger,
) -> None:
    async def twice_the_same_line() -> None:
        async with ledger.write() as conn:
            await planned(conn, "i-1", "i-1", key="rw-1")

    with pytest.raises(Exception, match=r"(?i)unique"):
        await twice_the_same_line()
    async with ledger.read() as conn:
        assert await notices.get(conn, "rw-1") is None


async def test_one_claims_it_and_the_others_are_told(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        key = await planned(conn, "i-1")
        row = await notices.claim(conn, key, now=NOON, until=LATER)
        assert row
        assert (row.state, row.attempts, row.doubts) == (NoticeState.SENDING, 1, 0)
        assert await notices.claim(conn, key, now=NOON, until=LATER) is None
        assert await due_keys(conn, NOON + MINUTE) == []


async def test_when_the_lease_runs_out_another_takes_over_in_doubt(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        key = await sending(conn, "i-1")
        after = NOON + MINUTE * 1.01
        assert await due_keys(conn, after) == [key]
        row = await notices.claim(conn, key, now=after, until=LATER)
    assert row
    assert (row.attempts, row.doubts) == (2, 1)


SETTLE: dict[str, Settle] = {
    "sent": lambda conn, key: notices.mark_sent(conn, key, at=LATER, reference="SM1"),
    "planned": lambda conn, key: notices.put_off(
        conn, key, until=LATER, error="busy", in_doubt=False
    ),
    "failed": lambda conn, key: notices.mark_failed(conn, key, at=LATER, error="no such number"),
}


@pytest.mark.parametrize("how", SETTLE)
async def test_only_what_is_being_sent_is_settled(ledger: Ledger, how: str) -> None:
    settled = set()
    for state in NoticeState:
        async with ledger.write() as conn:
            key = await planned(conn, "i-1")
            there = update(schema.notices).where(schema.notices.c.key == key)
            await conn.execute(there.values(state=state))
            if await SETTLE[how](conn, key):
                settled.add(state)
            row = await notices.get(conn, key)
        assert row
        assert row.state == (how if state in settled else state)
    assert settled == {NoticeState.SENDING}


async def test_what_was_sent_or_given_up_is_never_claimed_again(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for how in ("sent", "failed"):
            key = await sending(conn, "i-1", key=how)
            await SETTLE[how](conn, key)
            assert await notices.claim(conn, key, now=LATER + DAY, until=LATER + 2 * DAY) is None
        assert await due_keys(conn, LATER + DAY) == []


async def test_what_is_put_off_is_due_again_in_its_time_and_remembers_doubts(
    ledger: Ledger,
) -> None:
    async with ledger.write() as conn:
        key = await sending(conn, "i-1")
        assert await notices.put_off(conn, key, until=LATER, error="no answer", in_doubt=True)
        assert await due_keys(conn, LATER - MINUTE) == []
        assert await due_keys(conn, LATER) == [key]
        row = await notices.claim(conn, key, now=LATER, until=LATER + MINUTE)
    assert row
    assert (row.attempts, row.doubts, row.error) == (2, 1, "no answer")


async def test_solved_waits_until_the_contact_has_heard_of_the_trouble(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        alarm = await sending(conn, "i-1", "i-2")
        solved = await planned(conn, "i-2", kind="resolved", at=NOON + MINUTE)
        other_subject = await planned(conn, "i-3", at=NOON + MINUTE)
        other_contact = await planned(conn, "i-2", contact="omid", at=NOON + MINUTE)
        await notices.put_off(conn, alarm, until=LATER, error="busy", in_doubt=False)
        waiting = await due_keys(conn, NOON + MINUTE)
        assert sorted(waiting) == sorted([other_subject, other_contact])
        await notices.claim(conn, alarm, now=LATER, until=LATER + MINUTE)
        assert solved not in await due_keys(conn, LATER)
        await notices.mark_sent(conn, alarm, at=LATER, reference=None)
        assert solved in await due_keys(conn, LATER)


async def test_the_oldest_are_due_first_and_no_more_than_asked_for(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        keys = [await planned(conn, f"i-{n}", at=NOON - n * MINUTE) for n in range(4)]
        assert [row.key for row in await notices.due(conn, NOON, limit=2)] == [keys[3], keys[2]]


async def test_failures_and_references_are_on_record(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        sent, failed = await sending(conn, "i-1"), await sending(conn, "i-2")
        await SETTLE["sent"](conn, sent)
        await SETTLE["failed"](conn, failed)
        [row] = await notices.failures(conn, LATER)
        assert (row.key, row.error, row.settled_at) == (failed, "no such number", LATER)
        assert await notices.failures(conn, LATER + MINUTE) == []
        taken = await notices.get(conn, sent)
        assert taken
        assert (taken.reference, taken.error, taken.lease_until) == ("SM1", None, None)


async def test_the_log_has_what_lasts_and_what_is_new_and_says_what_was_given_up(
    ledger: Ledger,
) -> None:
    async with ledger.write() as conn:
        lasting = await opened(conn)
        ended = await opened(conn, state=IncidentState.RESOLVED, resolved_at=NOON)
        past = await opened(conn, state=IncidentState.RESOLVED, resolved_at=NOON - DAY)
        for row in (lasting, ended, past):
            await planned(conn, row.id, at=NOON - 2 * DAY)
        lost = await sending(conn, "sms", kind="operator", at=NOON)
        await SETTLE["failed"](conn, lost)
        lines = await notices.log(conn, NOON - HOUR)
    assert {line.about: line.given_up for line in lines} == {
        lasting.id: False,
        ended.id: False,
        "sms": True,
    }


async def test_the_newest_are_shown_first(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        keys = [await planned(conn, f"i-{n}", at=NOON + n * MINUTE) for n in range(3)]
        assert [row.key for row in await notices.recent(conn, limit=2)] == [keys[2], keys[1]]
