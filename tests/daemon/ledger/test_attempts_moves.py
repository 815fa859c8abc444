"""A sender's moves: by the lifecycle, by its holder only, and together with those of its peers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from daemon.ledger import attempts, schema
from daemon.ledger.attempts import MailMove, Moves, NextAttempt, Settled
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.attempt import ATTEMPT, IN_HAND, LIVE, AttemptState
from daemon.lifecycles.order_mail import MailState
from probes.observation import Fault
from tests.daemon.ledger.attempt_samples import (
    ACCEPTED,
    DEFERRED,
    END,
    REJECTED,
    attempt_of,
    begun,
    brought_to,
    handed_over,
    mail_state,
    received,
    taken,
)
from tests.daemon.ledger.samples import MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sqlalchemy import Connection

    from daemon.ledger import Ledger
    from daemon.ledger.attempts import Claimed

    Move = Callable[[Moves, Claimed], Awaitable[bool]]

S = AttemptState
CANCELLED = Settled(S.CANCELLED, NOON + MINUTE, mail=MailMove(MailState.SUPPRESSED))
AFTER = NOON + 2 * MINUTE


@pytest.fixture
async def moves(ledger: Ledger) -> AsyncIterator[Moves]:
    opened = Moves(ledger)
    yield opened
    await opened.close()


MOVES: dict[AttemptState, Move] = {
    S.SENDING: lambda moves, claimed: moves.begin(claimed, at=NOON, due_at=NOON + MINUTE),
    S.DATA_SENT: lambda moves, claimed: moves.data_sent(claimed),
    S.CANCELLED: lambda moves, claimed: moves.settle(claimed, CANCELLED),
    S.ACCEPTED: lambda moves, claimed: moves.settle(claimed, END[S.ACCEPTED]),
    S.DEFERRED: lambda moves, claimed: moves.settle(claimed, END[S.DEFERRED]),
    S.REJECTED: lambda moves, claimed: moves.settle(claimed, END[S.REJECTED]),
    S.IN_DOUBT: lambda moves, claimed: moves.settle(claimed, END[S.IN_DOUBT]),
}


async def test_a_message_is_sent_in_three_moves_and_every_one_is_on_record(
    ledger: Ledger, moves: Moves
) -> None:
    async with ledger.write() as conn:
        mail = await received(conn)
    [claimed] = await taken(ledger)
    assert await moves.begin(claimed, at=NOON, due_at=NOON + 5 * MINUTE)
    row = await attempt_of(ledger, claimed)
    assert (row.state, row.tries, row.due_at) == (S.SENDING, 1, NOON + 5 * MINUTE)
    assert await moves.data_sent(claimed)
    assert (await attempt_of(ledger, claimed)).state == S.DATA_SENT
    assert await moves.settle(claimed, ACCEPTED)
    row = await attempt_of(ledger, claimed)
    assert (row.state, row.settled_at) == (S.ACCEPTED, NOON + MINUTE)
    assert (row.holder, row.lease_until) == (None, None)
    assert await mail_state(ledger, mail) == MailState.WATCHED


async def test_a_move_is_made_from_where_the_table_allows_it_and_from_nowhere_else(
    ledger: Ledger, moves: Moves
) -> None:
    made = {(old, new) for old in S for new in MOVES if await is_made(ledger, moves, old, new)}
    assert made == {(old, new) for old in IN_HAND for new in MOVES if new in ATTEMPT.moves[old]}


async def is_made(ledger: Ledger, moves: Moves, old: AttemptState, new: AttemptState) -> bool:
    claimed = await brought_to(ledger, moves, old)
    made = await MOVES[new](moves, claimed)
    assert (await attempt_of(ledger, claimed)).state == (new if made else old)
    async with ledger.write() as conn:  # none of it is due for the next
        await conn.execute(schema.attempts.delete())
    return made


@pytest.mark.parametrize("taken_up_again", [False, True])
async def test_a_sender_whose_lease_ran_out_writes_nothing_any_more(
    ledger: Ledger, moves: Moves, *, taken_up_again: bool
) -> None:
    async with ledger.write() as conn:
        for _ in range(102):
            await received(conn)
    stopped = await taken(ledger, limit=200)
    await in_three_stages(moves, stopped)
    async with ledger.write() as conn:
        reaped = await attempts.reap(conn, NOON + 1.5 * MINUTE)
    assert (reaped.queued, len(reaped.in_doubt)) == (68, 34)
    if taken_up_again:
        again = await taken(ledger, holder="another", limit=200, now=NOON + 6 * MINUTE)
        await in_three_stages(moves, again)
    before = await everything(ledger)
    late = [move(moves, claimed) for claimed in stopped for move in MOVES.values()]
    assert not any(await asyncio.gather(*late))
    assert await everything(ledger) == before


async def in_three_stages(moves: Moves, claimed: Sequence[Claimed]) -> None:
    """A third is only claimed, a third is being sent, a third is handed over."""
    third = len(claimed) // 3
    at = NOON if claimed[0].fence == 1 else NOON + 6 * MINUTE
    begins = [moves.begin(one, at=at, due_at=at + 5 * MINUTE) for one in claimed[third:]]
    assert all(await asyncio.gather(*begins))
    assert all(await asyncio.gather(*map(moves.data_sent, claimed[2 * third :])))


async def everything(ledger: Ledger) -> list[list[tuple[object, ...]]]:
    tables = (schema.attempts, schema.mails, schema.tries)
    async with ledger.read() as conn:
        rows = [await conn.execute(select(table)) for table in tables]
        return [sorted((tuple(row) for row in found), key=str) for found in rows]


async def test_a_lease_that_ran_out_begins_nothing_even_before_anybody_noticed(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.CLAIMED)
    assert not await moves.begin(claimed, at=NOON + MINUTE, due_at=NOON + 6 * MINUTE)
    assert await moves.begin(claimed, at=NOON + 0.99 * MINUTE, due_at=NOON + 6 * MINUTE)


async def test_the_moves_of_fifty_senders_share_their_transactions(
    ledger: Ledger, moves: Moves, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ledger.write() as conn:
        for _ in range(50):
            await received(conn)
    sizes: list[int] = []
    carry_out = moves._commits._carry_out

    def counting(conn: Connection, jobs: Sequence[object]) -> Sequence[bool]:
        sizes.append(len(jobs))
        return carry_out(conn, jobs)  # type: ignore[arg-type] # the very jobs that came

    monkeypatch.setattr(moves._commits, "_carry_out", counting)

    async def send(claimed: Claimed) -> bool:
        await handed_over(moves, claimed)
        return await moves.settle(claimed, ACCEPTED)

    assert all(await asyncio.gather(*map(send, await taken(ledger))))
    assert sum(sizes) == 150
    assert len(sizes) <= 10


async def test_of_two_like_moves_in_one_batch_one_is_made(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.CLAIMED)
    both = [moves.begin(claimed, at=NOON, due_at=NOON + MINUTE) for _ in range(2)]
    assert await asyncio.gather(*both) == [True, False]
    assert (await attempt_of(ledger, claimed)).tries == 1


async def test_what_is_deferred_is_due_when_its_try_said_and_is_claimed_again(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.DEFERRED)
    row = await attempt_of(ledger, claimed)
    assert (row.due_at, row.settled_at, row.holder) == (NOON + 5 * MINUTE, None, None)
    assert await taken(ledger, now=NOON + 4.9 * MINUTE) == []
    [again] = await taken(ledger, now=NOON + 5 * MINUTE)
    assert again == replace(claimed, fence=2, tries=1)
    assert await moves.begin(again, at=NOON + 5 * MINUTE, due_at=NOON + 15 * MINUTE)
    assert (await attempt_of(ledger, claimed)).tries == 2


@pytest.mark.parametrize("end", [REJECTED, CANCELLED])
async def test_a_further_attempt_takes_the_place_of_one_that_ends(
    ledger: Ledger, moves: Moves, end: Settled
) -> None:
    claimed = await brought_to(ledger, moves, S.SENDING)
    further = NextAttempt("fallback", NOON + 2 * MINUTE, AttemptCause.FAILOVER)
    assert await moves.settle(claimed, replace(end, mail=None, next=further))
    assert await mail_state(ledger, claimed.mail) == MailState.RECEIVED
    [failed_over] = await taken(ledger, now=NOON + 2 * MINUTE)
    assert (failed_over.n, failed_over.route, failed_over.tries) == (2, "fallback", 0)
    assert (failed_over.mail, failed_over.expires_at) == (claimed.mail, claimed.expires_at)
    assert failed_over.cause == AttemptCause.FAILOVER
    async with ledger.read() as conn:
        states = [past.attempt.state for past in await attempts.history(conn, claimed.mail)]
    assert states == [end.state, S.CLAIMED]


@pytest.mark.parametrize("state", sorted(set(S) - {S.CANCELLED, S.REJECTED}))
def test_no_other_state_leaves_room_for_a_further_attempt(state: AttemptState) -> None:
    further = NextAttempt("fallback", NOON, AttemptCause.FAILOVER)
    with pytest.raises(ValueError, match=state):
        Settled(state, NOON, next=further)


async def test_the_database_itself_refuses_a_second_attempt_that_may_be_sent(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.CLAIMED)
    values = {"id": "x", "n": 2, "state": S.QUEUED, "lease_until": None, "holder": None}

    async def second() -> None:
        async with ledger.write() as conn:
            query = select(schema.attempts).where(schema.attempts.c.id == claimed.attempt)
            row = dict((await conn.execute(query)).mappings().one())
            await conn.execute(schema.attempts.insert().values(**(row | values)))

    with pytest.raises(Exception, match=r"(?i)unique"):
        await second()


async def test_the_database_itself_refuses_a_lease_or_an_end_that_the_state_does_not_have(
    ledger: Ledger, moves: Moves
) -> None:
    await brought_to(ledger, moves, S.SENDING)
    wrongs: dict[str, object] = {"lease_until": None, "settled_at": NOON, "state": S.QUEUED}
    for column, value in wrongs.items():
        with pytest.raises(Exception, match=r"(?i)check"):
            await change(ledger, **{column: value})


async def change(ledger: Ledger, **values: object) -> None:
    async with ledger.write() as conn:
        await conn.execute(schema.attempts.update().values(**values))


async def test_a_mail_that_went_elsewhere_meanwhile_stays_there(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.DATA_SENT)
    async with ledger.write() as conn:
        confirmed = schema.mails.update().values(state=MailState.CONFIRMED)
        await conn.execute(confirmed)
    assert await moves.settle(claimed, ACCEPTED)
    assert await mail_state(ledger, claimed.mail) == MailState.CONFIRMED


async def test_a_try_keeps_what_the_server_said(ledger: Ledger, moves: Moves) -> None:
    async with ledger.write() as conn:
        await received(conn)
    [claimed] = await taken(ledger)
    await handed_over(moves, claimed)
    said = {"stage": "dot", "code": 550, "enhanced": "5.7.26", "text": "no \0 auth \udcff"}
    read = {"fault": Fault.SENDER, "meaning": "unauthenticated", "remedy": "sign it"}
    where = {"tls_version": "TLSv1.3", "host": "mx.gmail.example", "queue_id": "Q1"}
    end = Settled(S.REJECTED, NOON + MINUTE, "refused", "rejected", **said, **read, **where)  # type: ignore[arg-type] # by name
    assert await moves.settle(claimed, end)
    async with ledger.read() as conn:
        [past] = await attempts.history(conn, claimed.mail, shop="tea")
        assert await attempts.history(conn, claimed.mail, shop="coffee") == []
    [one] = past.tries
    assert (one.attempt, one.n, one.shop, one.route) == (claimed.attempt, 1, "tea", "relay")
    assert (one.started_at, one.ended_at, one.outcome) == (NOON, NOON + MINUTE, "rejected")
    for name, value in (said | read | where | {"text": "no � auth ���"}).items():
        assert getattr(one, name) == value, name
    assert past.attempt.why == "refused"


async def test_what_was_not_tried_leaves_no_try_and_spoils_no_earlier_one(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.DEFERRED)
    [again] = await taken(ledger, now=NOON + 6 * MINUTE)
    assert await moves.settle(again, replace(CANCELLED, at=NOON + 6 * MINUTE))
    async with ledger.read() as conn:
        [past] = await attempts.history(conn, claimed.mail)
    [one] = past.tries
    assert (one.n, one.ended_at, one.code) == (1, DEFERRED.at, DEFERRED.code)
    assert await mail_state(ledger, claimed.mail) == MailState.SUPPRESSED


async def test_tries_are_told_in_order_attempt_by_attempt(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.DEFERRED)
    [again] = await taken(ledger, now=NOON + 6 * MINUTE)
    await begun_at_six(moves, again)
    further = NextAttempt("fallback", NOON + 6 * MINUTE, AttemptCause.FAILOVER)
    assert await moves.settle(again, replace(REJECTED, next=further))
    [last] = await taken(ledger, now=NOON + 6 * MINUTE)
    await begun_at_six(moves, last)
    async with ledger.read() as conn:
        past = await attempts.history(conn, claimed.mail)
    assert [(p.attempt.n, [t.n for t in p.tries]) for p in past] == [(1, [1, 2]), (2, [1])]
    assert past[1].tries[0].ended_at is None


async def begun_at_six(moves: Moves, claimed: Claimed) -> None:
    assert await moves.begin(claimed, at=NOON + 6 * MINUTE, due_at=NOON + 16 * MINUTE)


async def test_states_that_may_be_sent_are_exactly_those_without_an_end(
    ledger: Ledger, moves: Moves
) -> None:
    for state in S:
        claimed = await brought_to(ledger, moves, state)
        row = await attempt_of(ledger, claimed)
        assert row.state == state
        assert (row.settled_at is None) == (state in LIVE)
        assert (row.lease_until is not None) == (state in IN_HAND)
        async with ledger.write() as conn:
            await conn.execute(schema.attempts.delete())
    await begun(moves, await brought_to(ledger, moves, S.CLAIMED))
