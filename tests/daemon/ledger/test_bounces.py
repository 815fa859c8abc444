"""Bounces: recorded once, applied once, and in the end the same in whatever order they come."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select

from daemon.ledger import attempts, bounces, schema, suppressions
from daemon.ledger.attempts import Moves
from daemon.ledger.bounces import Effect, Recorded
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.attempt_samples import (
    ACCEPTED,
    BLOCKED,
    GONE,
    LEASE,
    LIFE,
    UNKNOWN,
    attempt_of,
    bounce,
    brought_to,
    came_back,
    mail_state,
    received,
    taken,
)
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.ledger import Ledger
    from daemon.ledger.attempts import Claimed

S, M = AttemptState, MailState
DELAYED = Effect(M.WATCHED, "The next server has it and keeps trying.")
NOTE = Effect()


@pytest.fixture
async def moves(ledger: Ledger) -> AsyncIterator[Moves]:
    opened = Moves(ledger)
    yield opened
    await opened.close()


async def stand(ledger: Ledger, claimed: Claimed) -> tuple[AttemptState, MailState, bool]:
    """Where the attempt and its mail stand, and whether the recipient is suppressed."""
    async with ledger.read() as conn:
        held = await suppressions.holds(conn, "tea", claimed.recipient)
    return (await attempt_of(ledger, claimed)).state, await mail_state(ledger, claimed.mail), held


async def clear(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await conn.execute(delete(schema.messages))
        await conn.execute(delete(schema.suppressions))


async def happen(ledger: Ledger, moves: Moves, claimed: Claimed, event: str) -> None:
    match event:
        case "sent":
            await moves.settle(claimed, ACCEPTED)
        case "unknown":
            await moves.settle(claimed, UNKNOWN)
        case "reaped":
            async with ledger.write() as conn:
                await attempts.reap(conn, NOON + 2 * LEASE)
        case _:
            effect = {"gone": GONE, "blocked": BLOCKED, "delayed": DELAYED, "note": NOTE}[event]
            await came_back(ledger, claimed, effect, sha256=event.encode())


STORIES = {
    ("sent", "gone", "gone", "gone"): (S.BOUNCED, M.BOUNCED, True),
    ("sent", "blocked", "blocked", "blocked"): (S.BOUNCED, M.AT_RISK, False),
    ("sent", "delayed", "note"): (S.ACCEPTED, M.WATCHED, False),
    ("sent", "delayed", "blocked", "gone"): (S.BOUNCED, M.BOUNCED, True),
    ("unknown", "gone", "gone"): (S.BOUNCED, M.BOUNCED, True),
    ("unknown", "blocked", "delayed"): (S.BOUNCED, M.AT_RISK, False),
    ("unknown", "delayed", "note"): (S.ACCEPTED, M.WATCHED, False),
    ("reaped", "blocked", "gone"): (S.BOUNCED, M.BOUNCED, True),
    ("reaped", "delayed", "note"): (S.ACCEPTED, M.WATCHED, False),
    ("reaped", "note", "note"): (S.IN_DOUBT, M.IN_DOUBT, False),
}


async def test_replayed_and_in_whatever_order_the_end_is_the_same(
    ledger: Ledger, moves: Moves
) -> None:
    for story, end in STORIES.items():
        for order in sorted(set(permutations(story))):
            claimed = await brought_to(ledger, moves, S.DATA_SENT)
            for event in order:
                await happen(ledger, moves, claimed, event)
            assert await stand(ledger, claimed) == end, order
            await clear(ledger)


async def test_a_bounce_that_races_the_record_of_sending_is_applied_all_the_same(
    ledger: Ledger, moves: Moves
) -> None:
    for _ in range(15):
        claimed = await brought_to(ledger, moves, S.DATA_SENT)
        copies = [came_back(ledger, claimed) for _ in range(3)]
        await asyncio.gather(moves.settle(claimed, ACCEPTED), *copies)
        assert await stand(ledger, claimed) == (S.BOUNCED, M.BOUNCED, True)
        await clear(ledger)


async def test_it_is_on_record_once_with_what_it_did(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    assert await came_back(ledger, claimed) == Recorded.APPLIED
    assert await came_back(ledger, claimed) == Recorded.DUPLICATE
    async with ledger.read() as conn:
        [row] = await bounces.of_mail(conn, claimed.mail, shop="tea")
        assert await bounces.of_mail(conn, claimed.mail, shop="coffee") == []
        assert await bounces.recent(conn, shop="coffee", limit=9) == []
        assert await bounces.recent(conn, shop=None, limit=9) == [row]
        why = (await conn.execute(select(schema.mails.c.why))).scalar_one()
    told = bounce(claimed, mail=claimed.mail)
    assert {name: getattr(row, name) for name in told.__slots__} == {
        name: getattr(told, name) for name in told.__slots__
    }
    assert (row.moves_to, row.why, row.suppress) == (M.BOUNCED, GONE.why, True)
    assert row.applied_at == NOON + 3 * MINUTE
    assert why == GONE.why
    assert (await attempt_of(ledger, claimed)).why == GONE.why


async def test_of_what_was_not_sent_nothing_comes_back(ledger: Ledger, moves: Moves) -> None:
    recorded = {}
    for state in sorted(set(S) - {S.ACCEPTED, S.BOUNCED, S.IN_DOUBT}):
        claimed = await brought_to(ledger, moves, state)
        before = (state, await mail_state(ledger, claimed.mail))
        recorded[state] = await came_back(ledger, claimed)
        *after, suppressed = await stand(ledger, claimed)
        assert tuple(after) == before
        assert suppressed == (state is S.REJECTED)  # it was tried, and the server knew
        await clear(ledger)
    tried = {S.SENDING, S.DATA_SENT, S.DEFERRED}
    assert {state for state, what in recorded.items() if what is Recorded.EARLY} == tried
    untried = {S.QUEUED, S.CLAIMED, S.CANCELLED}
    assert {state for state, what in recorded.items() if what is Recorded.NOTED} == untried


async def test_another_shops_attempt_is_none(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    forgeries: list[dict[str, Any]] = [
        {"shop": "coffee"},
        {"shop": "coffee", "attempt": None, "mail": claimed.mail},
        {"attempt": "unknown"},
        {"attempt": None},
    ]
    for forged in forgeries:
        assert await came_back(ledger, claimed, **forged) == Recorded.NOTED
        assert await came_back(ledger, claimed, **forged) == Recorded.DUPLICATE
    other: dict[str, Any] = {"attempt": "unknown", "mail": claimed.mail, "sha256": b"2"}
    assert await came_back(ledger, claimed, **other) == Recorded.NOTED
    assert await stand(ledger, claimed) == (S.ACCEPTED, M.WATCHED, False)
    async with ledger.read() as conn:
        assert await suppressions.all(conn) == []
        assert await bounces.of_mail(conn, claimed.mail) == []
    # and the forged ones stand in nobody's way
    assert await came_back(ledger, claimed) == Recorded.APPLIED


async def test_a_mail_that_is_named_without_its_attempt_is_moved_by_its_newest(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    by_mail: dict[str, Any] = {"attempt": None, "mail": claimed.mail}
    assert await came_back(ledger, claimed, **by_mail) == Recorded.APPLIED
    assert await stand(ledger, claimed) == (S.BOUNCED, M.BOUNCED, True)


async def test_a_copy_has_no_attempt_and_its_mail_is_moved(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    async with ledger.write() as conn:
        copied = await received(conn, attempt=None, mail_state=M.WATCHED)
    by_mail: dict[str, Any] = {"attempt": None, "mail": copied}
    assert await came_back(ledger, claimed, BLOCKED, **by_mail) == Recorded.APPLIED
    assert await mail_state(ledger, copied) == M.AT_RISK


async def test_what_is_sent_again_is_not_moved_by_a_bounce_of_what_was_sent_before(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    assert await came_back(ledger, claimed, replace(GONE, suppress=False)) == Recorded.APPLIED
    async with ledger.write() as conn:
        terms = {"shop": "tea", "route": "fallback", "by": "Sara"}
        at = {"at": NOON + HOUR, "expires_at": NOON + HOUR + LIFE}
        assert await attempts.again(conn, claimed.mail, **terms, **at)  # type: ignore[arg-type] # by name
    for sha256 in (b"1", b"2"):
        await came_back(ledger, claimed, replace(GONE, suppress=False), sha256=sha256)
        assert await mail_state(ledger, claimed.mail) == M.RECEIVED
    [new] = await taken(ledger, now=NOON + HOUR)
    assert await moves.begin(new, at=NOON + HOUR, due_at=NOON + 2 * HOUR)
    assert await moves.data_sent(new)
    assert await moves.settle(new, replace(ACCEPTED, at=NOON + HOUR))
    assert (await stand(ledger, new))[:2] == (S.ACCEPTED, M.WATCHED)


async def test_who_was_taken_off_the_list_is_not_put_back_by_the_same_bounce(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    await came_back(ledger, claimed)
    async with ledger.write() as conn:
        [row] = await suppressions.all(conn, shop="tea")
        assert (row.by, row.mail, row.reason) == ("bounce", claimed.mail, "user unknown")
        await suppressions.remove(conn, "tea", claimed.recipient)
    assert await came_back(ledger, claimed) == Recorded.DUPLICATE
    async with ledger.read() as conn:
        assert await suppressions.all(conn) == []


async def test_whomever_it_names_only_the_mails_own_recipient_is_suppressed(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    await came_back(ledger, claimed, recipient="victim@elsewhere.example")
    async with ledger.read() as conn:
        [row] = await suppressions.all(conn)
    assert row.address == claimed.recipient


async def test_what_the_customer_has_is_not_taken_from_him(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.ACCEPTED)
    async with ledger.write() as conn:
        await conn.execute(schema.mails.update().values(state=M.CONFIRMED))
    await came_back(ledger, claimed)
    assert await mail_state(ledger, claimed.mail) == M.CONFIRMED


async def test_no_bounce_leads_to_any_other_state() -> None:
    for state in set(M) - {M.BOUNCED, M.AT_RISK, M.WATCHED}:
        with pytest.raises(ValueError, match=state):
            Effect(state)


async def test_a_mail_is_found_by_its_message_id_and_recipient(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        ann = await received(conn, message_id="1@tea")
        bob = await received(conn, message_id="1@tea", recipient="bob@gmail.example")
        await received(conn, message_id="1@tea", shop="coffee")
        assert await bounces.sent_as(conn, "tea", "1@tea") == sorted([ann, bob])
        assert await bounces.sent_as(conn, "tea", "1@tea", "Bob@Gmail.example") == [bob]
        assert await bounces.sent_as(conn, "tea", "2@tea") == []
