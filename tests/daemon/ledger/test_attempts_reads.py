"""What people and gauges are told about attempts, which questions read an index, and `again`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, event, update

from daemon.ledger import Ledger, attempts, schema, suppressions
from daemon.ledger.attempts import Counts, Moves
from daemon.ledger.states import AttemptCause
from daemon.ledger.suppressions import Suppression
from daemon.lifecycles.attempt import LIVE, AttemptState
from daemon.lifecycles.order_mail import ORDER_MAIL, MailState
from tests.daemon.ledger.attempt_samples import (
    LIFE,
    attempt_of,
    brought_to,
    mail_state,
    received,
    taken,
)
from tests.daemon.ledger.samples import HOUR, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    Question = Callable[[AsyncConnection], Awaitable[Any]]

S = AttemptState
LATER = NOON + HOUR
# what is queued is due at once, and would be claimed in the place of the next
IN_ORDER = sorted(S, key=S.QUEUED.__eq__)


@pytest.fixture
async def moves(ledger: Ledger) -> AsyncIterator[Moves]:
    opened = Moves(ledger)
    yield opened
    await opened.close()


async def test_the_queue_is_what_is_not_over_and_is_counted_with_what_is_in_doubt(
    ledger: Ledger, moves: Moves
) -> None:
    made = {state: await brought_to(ledger, moves, state) for state in IN_ORDER}
    async with ledger.write() as conn:
        await received(conn, shop="coffee", recipient="c@x.example", due_at=NOON - HOUR)
    async with ledger.read() as conn:
        queue = await attempts.queue(conn, "tea", 99)
        all_queues = await attempts.queue(conn, None, 1)
        counts = await attempts.counts(conn), await attempts.counts(conn, shop="tea")
    assert {row.attempt.id for row in queue.rows} == {made[state].attempt for state in LIVE}
    dues = [row.attempt.due_at for row in queue.rows]
    assert dues == sorted(dues)
    assert queue.totals == dict.fromkeys([*LIVE, S.IN_DOUBT], 1)
    assert queue.next_due_at == NOON
    assert [(row.attempt.shop, row.recipient) for row in all_queues.rows] == [
        ("coffee", "c@x.example")
    ]
    assert all_queues.next_due_at == NOON - HOUR
    assert counts == (Counts(3, 3, 1, NOON - HOUR), Counts(2, 3, 1, NOON))


async def test_an_empty_queue_says_so(ledger: Ledger) -> None:
    async with ledger.read() as conn:
        assert await attempts.queue(conn, None, 9) == attempts.Queue((), {}, None)
        assert await attempts.counts(conn) == Counts(0, 0, 0, None)


async def test_an_attempt_is_shown_to_its_own_shop_only(ledger: Ledger, moves: Moves) -> None:
    claimed = await brought_to(ledger, moves, S.CLAIMED)
    async with ledger.read() as conn:
        assert await attempts.get(conn, claimed.attempt, shop="coffee") is None
        assert await attempts.get(conn, claimed.attempt, shop="tea") is not None


async def again(ledger: Ledger, mail: str, shop: str = "tea") -> str | None:
    async with ledger.write() as conn:
        how = {"shop": shop, "route": "fallback", "by": "Sara"}
        return await attempts.again(conn, mail, at=LATER, expires_at=LATER + LIFE, **how)


async def test_a_person_has_a_mail_sent_again_whose_attempts_are_over(
    ledger: Ledger, moves: Moves
) -> None:
    for end, cancelled in ((S.REJECTED, False), (S.BOUNCED, False), (S.IN_DOUBT, True)):
        claimed = await brought_to(ledger, moves, end)
        async with ledger.write() as conn:
            await suppressions.remove(conn, "tea", claimed.recipient)
        new = await again(ledger, claimed.mail)
        assert new is not None
        old = (await attempt_of(ledger, claimed)).state
        assert old == (S.CANCELLED if cancelled else end)
        assert await mail_state(ledger, claimed.mail) == MailState.RECEIVED
        [queued] = await taken(ledger, now=LATER)
        assert (queued.attempt, queued.n, queued.route) == (new, 2, "fallback")
        assert (queued.cause, queued.expires_at) == (AttemptCause.PERSON, LATER + LIFE)
        assert queued.message_id == claimed.message_id
        assert await again(ledger, claimed.mail) is None


async def test_nothing_is_sent_again_that_may_still_be_sent_or_came_to_something(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.REJECTED)
    may = {there for there in MailState if await is_sent_again(ledger, claimed.mail, there)}
    assert may == set(ORDER_MAIL.sources(MailState.RECEIVED))
    for state in IN_ORDER:
        if state in LIVE | {S.ACCEPTED}:
            claimed = await brought_to(ledger, moves, state)
            assert await again(ledger, claimed.mail) is None


async def is_sent_again(ledger: Ledger, mail: str, state: MailState) -> bool:
    """Whether a mail in that state is; the new attempt is taken back then."""
    async with ledger.write() as conn:
        there = update(schema.mails).where(schema.mails.c.id == mail)
        await conn.execute(there.values(state=state))
    new = await again(ledger, mail)
    async with ledger.write() as conn:
        await conn.execute(delete(schema.attempts).where(schema.attempts.c.id == new))
    return new is not None


async def test_nobody_has_anothers_mail_sent_again_nor_one_to_a_suppressed_address(
    ledger: Ledger, moves: Moves
) -> None:
    claimed = await brought_to(ledger, moves, S.REJECTED)
    assert await again(ledger, claimed.mail, shop="coffee") is None
    assert await again(ledger, "nonsense") is None
    async with ledger.write() as conn:
        copied = await received(conn, attempt=None, mail_state=MailState.BOUNCED)
        row = Suppression("tea", "ann@GMAIL.example", "asked", NOON, "sara")
        await suppressions.add(conn, row)
    assert await again(ledger, copied) is None
    assert await again(ledger, claimed.mail) is None
    async with ledger.write() as conn:
        await suppressions.remove(conn, "tea", claimed.recipient)
    assert await again(ledger, claimed.mail) is not None


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await opened.migrate()
    yield opened
    await opened.close()


async def plans_of(ledger: Ledger, question: Question) -> list[str]:
    """SQLite's own account of how it answers, for each of the statements that are sent."""
    sent: list[tuple[str, Any]] = []
    async with ledger.write() as conn:
        sync = conn.sync_connection
        assert sync is not None

        def note(*call: Any) -> None:
            sent.append((call[2], call[3]))

        event.listen(sync, "before_cursor_execute", note)
        await question(conn)
        event.remove(sync, "before_cursor_execute", note)
        explained = [
            await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            for statement, values in sent
        ]
        return ["; ".join(step.detail for step in steps) for steps in explained]


TABLES = set(schema.metadata.tables)
TERMS = {"holder": "h", "now": NOON, "lease_until": LATER, "limit": 100}


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("ix_attempts_due", lambda conn: attempts.claim(conn, **TERMS)),
        ("ix_attempts_due_by_route", lambda conn: attempts.claim(conn, **TERMS, way=("a", "b"))),
        ("ix_attempts_due_by_route", lambda conn: attempts.any_due(conn, ("a", "b"), NOON)),
        ("ix_attempts_lease", lambda conn: attempts.reap(conn, LATER)),
        ("ix_attempts_lease", lambda conn: attempts.heartbeat(conn, "h", LATER)),
        ("ix_attempts_lease", lambda conn: attempts.release(conn, "h")),
        ("ix_attempts_due", attempts.counts),
    ],
)
async def test_the_senders_questions_read_an_index_and_no_table(
    sqlite: Ledger, index: str, question: Question
) -> None:
    async with sqlite.write() as conn:
        await received(conn)
    plans = await plans_of(sqlite, question)
    assert any(f"INDEX {index}" in plan for plan in plans)
    steps = [step for plan in plans for step in plan.split("; ") if "INDEX" not in step]
    assert not {step.split()[1] for step in steps if step.startswith("SCAN")} & TABLES
