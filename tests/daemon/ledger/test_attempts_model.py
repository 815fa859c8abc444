"""Whatever is interleaved, however the clock jumps: no mail is sent twice, and none early.

Several senders claim, begin, hand over and settle, stop, die, and come back too late; a person has
mails sent again; bounces arrive. The outside world counts the final dots: a second one must follow
a refusal, or be a person's wish.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from daemon.ledger import Ledger, attempts, schema
from daemon.ledger.attempts import Claimed, MailMove, Moves, NextAttempt, Settled
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.attempt import LIVE, AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.attempt_samples import BLOCKED, END, GONE, LEASE, came_back, received
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime

S, M = AttemptState, MailState
RETRY = 5 * MINUTE
JUMPS = (MINUTE / 4, MINUTE, 2 * MINUTE, RETRY, HOUR, 24 * HOUR, -MINUTE, -24 * HOUR)
ENDS = {
    S.CLAIMED: [Settled(S.CANCELLED, NOON, mail=MailMove(M.SUPPRESSED))],
    S.SENDING: [END[S.DEFERRED], END[S.REJECTED], Settled(S.CANCELLED, NOON)],
    S.DATA_SENT: [END[S.ACCEPTED], END[S.DEFERRED], Settled(S.REJECTED, NOON), END[S.IN_DOUBT]],
}
# what may have become of a mail by what became of its newest attempt
FITS = {
    **{state: {M.RECEIVED} for state in LIVE},
    S.ACCEPTED: {M.WATCHED},
    S.REJECTED: {M.HELD},
    S.CANCELLED: {M.SUPPRESSED},
    S.IN_DOUBT: {M.IN_DOUBT},
    S.BOUNCED: {M.BOUNCED, M.AT_RISK},
}
some = st.integers(0, 99)
sender = st.sampled_from("abc")


@dataclass(slots=True)
class Hand:
    """What a sender believes to hold; it may be wrong by now."""

    claimed: Claimed
    state: AttemptState = S.CLAIMED


class Sending(RuleBasedStateMachine):
    """Senders, a person, bounces, and a clock that nobody can trust."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = NOON
        self.hands: list[Hand] = []
        self.given: list[Claimed] = []
        self.due: dict[str, datetime] = defaultdict(lambda: NOON)
        self.dots: dict[str, int] = defaultdict(int)
        self.may: dict[str, int] = defaultdict(lambda: 1)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize(mails=st.integers(1, 3))
    def open_the_shop(self, mails: int) -> None:
        async def opened() -> None:
            self.ledger = await Ledger.open(self.url)
            self.moves = Moves(self.ledger)
            async with self.ledger.write() as conn:
                await conn.execute(delete(schema.messages))
                await conn.execute(delete(schema.suppressions))
                self.mails = [await received(conn) for _ in range(mails)]

        self.run(opened())

    def teardown(self) -> None:
        async def closed() -> None:
            await self.moves.close()
            await self.ledger.close()

        self.run(closed())
        self.runner.close()

    def writing(self, work: Any) -> Any:
        async def written() -> Any:
            async with self.ledger.write() as conn:
                return await work(conn)

        return self.run(written())

    def hand(self, which: int) -> Hand | None:
        return self.hands[which % len(self.hands)] if self.hands else None

    def let_go(self, hand: Hand) -> None:
        self.hands.remove(hand)

    @rule(holder=sender, limit=st.integers(1, 2))
    def claim(self, holder: str, limit: int) -> None:
        terms = {"holder": holder, "now": self.now, "lease_until": self.now + LEASE}
        for one in self.writing(lambda conn: attempts.claim(conn, limit=limit, **terms)):
            assert self.due[one.attempt] <= self.now, "early"
            self.hands.append(Hand(one))
            self.given.append(one)

    @rule(which=some)
    def begin(self, which: int) -> None:
        hand = self.hand(which)
        if hand and hand.state is S.CLAIMED:
            due_at = self.now + RETRY
            if self.run(self.moves.begin(hand.claimed, at=self.now, due_at=due_at)):
                hand.state, self.due[hand.claimed.attempt] = S.SENDING, due_at
            else:
                self.let_go(hand)

    @rule(which=some)
    def hand_over(self, which: int) -> None:
        hand = self.hand(which)
        if hand and hand.state is S.SENDING:
            if self.run(self.moves.data_sent(hand.claimed)):
                hand.state = S.DATA_SENT
                self.dots[hand.claimed.mail] += 1
            else:
                self.let_go(hand)

    @rule(which=some, how=some, fail_over=st.booleans())
    def settle(self, which: int, how: int, *, fail_over: bool) -> None:
        if hand := self.hand(which):
            end = ENDS[hand.state][how % len(ENDS[hand.state])]
            further = NextAttempt("other", self.now + MINUTE, AttemptCause.FAILOVER)
            goes_on = hand.state is not S.CLAIMED and end.state in {S.CANCELLED, S.REJECTED}
            if goes_on and (fail_over or end.mail is None):
                end = replace(end, mail=None, next=further)
            made = self.run(self.moves.settle(hand.claimed, replace(end, at=self.now)))
            refused = end.state in {S.DEFERRED, S.REJECTED, S.CANCELLED}
            self.may[hand.claimed.mail] += made and refused and hand.state is S.DATA_SENT
            self.let_go(hand)

    @rule(by=st.sampled_from(JUMPS))
    def time_passes(self, by: Any) -> None:
        self.now += by

    @rule(holder=sender)
    def heartbeat(self, holder: str) -> None:
        self.writing(lambda conn: attempts.heartbeat(conn, holder, self.now + LEASE))

    @rule(holder=sender)
    def stop(self, holder: str) -> None:
        self.writing(lambda conn: attempts.release(conn, holder))

    @rule()
    def reap(self) -> None:
        self.writing(lambda conn: attempts.reap(conn, self.now))

    @rule(which=some)
    def send_again(self, which: int) -> None:
        mail = self.mails[which % len(self.mails)]
        terms: dict[str, Any] = {"shop": "tea", "route": "relay", "by": "Sara"}
        terms |= {"at": self.now, "expires_at": self.now + HOUR}
        new = self.writing(lambda conn: attempts.again(conn, mail, **terms))
        self.may[mail] += new is not None

    @rule(which=some, gone=st.booleans())
    def bounce(self, which: int, *, gone: bool) -> None:
        if self.given:
            claimed = self.given[which % len(self.given)]
            effect = replace(GONE, suppress=False) if gone else BLOCKED
            self.run(came_back(self.ledger, claimed, effect, sha256=bytes([gone])))

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        assert not {mail for mail, dots in self.dots.items() if dots > self.may[mail]}

    @invariant()
    def a_mail_stands_where_its_newest_attempt_does(self) -> None:
        for mail, state, own in self.writing(_stand):
            assert state in FITS[own[-1]], (mail, state, own)
            assert sum(one in LIVE for one in own) <= 1


async def _stand(conn: Any) -> list[tuple[str, MailState, list[AttemptState]]]:
    found = []
    for mail, state in (await conn.execute(select(schema.mails.c.id, schema.mails.c.state))).all():
        own = select(schema.attempts.c.state).where(schema.attempts.c.mail == mail)
        rows = await conn.execute(own.order_by(schema.attempts.c.n))
        found.append((mail, state, list(rows.scalars())))
    return found


def test_nothing_is_sent_twice_nor_early_whatever_happens(url: str) -> None:
    asyncio.run(_migrate(url))
    machine = type("Here", (Sending,), {"url": url})
    quick = settings(
        max_examples=25,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=quick)


async def _migrate(url: str) -> None:
    ledger = await Ledger.open(url)
    await ledger.migrate()
    await ledger.close()
