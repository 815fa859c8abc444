"""What is due is claimed in order, by one claimer only, and given back when its sender is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from daemon.ledger import Ledger, attempts, suppressions
from daemon.ledger.attempts import Claimed, Moves
from daemon.ledger.states import AttemptCause
from daemon.ledger.suppressions import Suppression
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.attempt_samples import (
    LEASE,
    LIFE,
    attempt_of,
    begun,
    handed_over,
    mail_state,
    received,
    taken,
)
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


S = AttemptState
DAY = 24 * HOUR


@pytest.fixture
async def moves(ledger: Ledger) -> AsyncIterator[Moves]:
    opened = Moves(ledger)
    yield opened
    await opened.close()


async def test_the_longest_due_is_claimed_first_and_nothing_early(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        mails = [await received(conn, due_at=NOON - n * MINUTE) for n in (1, 3, 2, -1)]
    assert [one.mail for one in await taken(ledger, limit=2)] == [mails[1], mails[2]]
    assert [one.mail for one in await taken(ledger, limit=9)] == [mails[0]]
    assert await taken(ledger, now=NOON + 0.99 * MINUTE) == []
    assert [one.mail for one in await taken(ledger, now=NOON + MINUTE)] == [mails[3]]


async def test_a_claim_says_all_that_sending_needs(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        mail = await received(conn, recipient="bob@gmail.example", message_id="1@tea.example")
    [claimed] = await taken(ledger, holder="h")
    row = await attempt_of(ledger, claimed)
    assert (row.state, row.holder, row.lease_until) == (S.CLAIMED, "h", NOON + LEASE)
    assert claimed == Claimed(
        attempt=row.id,
        mail=mail,
        message=claimed.message,
        shop="tea",
        route="relay",
        n=1,
        tries=0,
        fence=1,
        cause=AttemptCause.FIRST,
        recipient="bob@gmail.example",
        generation=1,
        mail_from="shop@tea.example",
        message_id="1@tea.example",
        smtputf8=False,
        size=3000,
        received_at=NOON,
        expires_at=NOON + LIFE,
        suppressed=False,
    )


async def test_addresses_on_the_shops_own_list_are_flagged_and_not_left_out(
    ledger: Ledger,
) -> None:
    async with ledger.write() as conn:
        for shop, address in (("tea", "ann@Gmail.Example"), ("coffee", "bob@gmail.example")):
            await suppressions.add(conn, Suppression(shop, address, "asked", NOON, "sara"))
        for address in ("ann@GMAIL.example", "bob@gmail.example", "Ann@gmail.example"):
            await received(conn, recipient=address)
    flagged = {claimed.recipient: claimed.suppressed for claimed in await taken(ledger)}
    assert flagged == {
        "ann@GMAIL.example": True,
        "bob@gmail.example": False,
        "Ann@gmail.example": False,
    }


async def test_claimers_never_share(ledger: Ledger, url: str) -> None:
    async with ledger.write() as conn:
        for _ in range(120):
            await received(conn)
    daemons = [await Ledger.open(url) for _ in range(4)]

    async def claim_all(daemon: Ledger, name: str) -> list[str]:
        mine: list[str] = []
        while claimed := await taken(daemon, holder=name, limit=7):
            mine += [one.attempt for one in claimed]
        return mine

    claimers = [claim_all(daemon, f"{n}") for n, daemon in enumerate(daemons * 2)]
    got = Counter(attempt for mine in await asyncio.gather(*claimers) for attempt in mine)
    assert len(got) == 120
    assert set(got.values()) == {1}
    for daemon in daemons:
        await daemon.close()


async def test_reaping_takes_what_the_dead_had_and_nothing_of_the_living(
    ledger: Ledger, moves: Moves
) -> None:
    async with ledger.write() as conn:
        for _ in range(8):
            await received(conn)
    dead = await taken(ledger, holder="dead", limit=4)
    alive = await taken(ledger, holder="alive", limit=4, lease_until=NOON + 2 * LEASE)
    for claimed in (*dead[1:], *alive[1:]):
        await begun(moves, claimed)
    for claimed in (*dead[2:], *alive[2:]):
        assert await moves.data_sent(claimed)
    async with ledger.write() as conn:
        assert await attempts.reap(conn, NOON + LEASE) == attempts.Reaped(0, ())
        reaped = await attempts.reap(conn, NOON + 1.5 * LEASE)
    assert (reaped.queued, set(reaped.in_doubt)) == (2, {one.mail for one in dead[2:]})
    rows = [await attempt_of(ledger, one) for one in dead]
    assert [row.state for row in rows] == [S.QUEUED, S.QUEUED, S.IN_DOUBT, S.IN_DOUBT]
    assert {(row.holder, row.lease_until) for row in rows} == {(None, None)}
    # what was begun waits for its next time, as if it had failed
    assert [row.due_at for row in rows[:2]] == [NOON, NOON + 5 * MINUTE]
    assert await mail_state(ledger, dead[0].mail) == MailState.RECEIVED
    assert await mail_state(ledger, dead[2].mail) == MailState.IN_DOUBT
    rows = [await attempt_of(ledger, one) for one in alive]
    assert [row.state for row in rows] == [S.CLAIMED, S.SENDING, S.DATA_SENT, S.DATA_SENT]


async def test_a_heartbeat_keeps_what_is_held_and_nothing_lost_from_sight(
    ledger: Ledger, moves: Moves
) -> None:
    async with ledger.write() as conn:
        for _ in range(4):
            await received(conn)
    mine = await taken(ledger, limit=3)
    other = await taken(ledger, holder="other")
    await handed_over(moves, mine[0])
    async with ledger.write() as conn:
        held = {mine[0].attempt, mine[1].attempt, other[0].attempt}
        assert await attempts.heartbeat(conn, "me", NOON + 2 * LEASE, held=held) == 2
        reaped = await attempts.reap(conn, NOON + 1.5 * LEASE)
        assert (reaped.queued, reaped.in_doubt) == (2, ())
        assert await attempts.heartbeat(conn, "me", NOON + 3 * LEASE) == 2
        assert await attempts.reap(conn, NOON + 2.5 * LEASE) == attempts.Reaped(0, ())


async def test_who_stops_gives_back_what_was_not_handed_over(ledger: Ledger, moves: Moves) -> None:
    async with ledger.write() as conn:
        for _ in range(4):
            await received(conn)
    mine = await taken(ledger, limit=3)
    other = await taken(ledger, holder="other")
    await begun(moves, mine[1])
    await handed_over(moves, mine[2])
    async with ledger.write() as conn:
        assert await attempts.release(conn, "me") == 2
    states = [(await attempt_of(ledger, one)).state for one in (*mine, *other)]
    assert states == [S.QUEUED, S.QUEUED, S.DATA_SENT, S.CLAIMED]
    assert not await moves.data_sent(mine[1])
    assert [one.attempt for one in await taken(ledger)] == [mine[0].attempt]
