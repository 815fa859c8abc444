"""Whatever is interleaved, however the clock jumps: no mail is sent twice, and none early.

Several senders claim, begin, hand over and settle, stop, die, and come back too late; a person has
mails sent again; bounces arrive. The outside world counts the final dots: a second one must follow
a refusal, or be a person's wish. Each walk is a random one, and the same each time.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from daemon.ledger import Ledger, attempts, schema
from daemon.ledger.attempts import Claimed, Moves, NextAttempt, Settled
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.attempt import LIVE, AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.attempt_samples import BLOCKED, END, GONE, LEASE, came_back, received
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from datetime import datetime

S, M = AttemptState, MailState
RETRY = 5 * MINUTE
DAY = 24 * HOUR
ENDS = {
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
WALKS = 6
STEPS = 200


@dataclass(slots=True)
class Hand:
    """What a sender believes to hold; it may be wrong by now."""

    claimed: Claimed
    state: AttemptState = S.CLAIMED


class Walk:
    """Senders, a person, bounces, and a clock that nobody can trust."""

    def __init__(self, ledger: Ledger, moves: Moves, seed: int) -> None:
        self.ledger, self.moves, self.chance = ledger, moves, random.Random(seed)
        self.time, self.wrong_by = NOON, timedelta()
        self.mails: list[str] = []
        self.hands: list[Hand] = []
        self.given: list[Claimed] = []
        self.due: dict[str, datetime] = {}
        self.dots: dict[str, int] = defaultdict(int)
        self.may: dict[str, int] = defaultdict(lambda: 1)

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        return self.time + self.wrong_by

    async def walk(self) -> None:
        steps = {
            self.receive: 1,
            self.claim: 6,
            self.go_on: 9,
            self.settle: 3,
            self.reap: 4,
            self.set_clock: 1,
            self.keep_or_stop: 1,
            self.send_again: 3,
            self.bounce: 1,
        }
        for step in self.chance.choices(list(steps), list(steps.values()), k=STEPS):
            await step()
            await self.check()

    async def receive(self) -> None:
        async with self.ledger.write() as conn:
            self.mails.append(await received(conn, due_at=self.now))

    async def claim(self) -> None:
        holder = self.chance.choice("ab")
        terms = {"holder": holder, "now": self.now, "lease_until": self.now + LEASE}
        async with self.ledger.write() as conn:
            claimed = await attempts.claim(conn, limit=1, **terms)
        for one in claimed:
            assert self.due.get(one.attempt, self.now) <= self.now, "early"
            self.given.append(one)
            self.hands.append(Hand(one))

    async def go_on(self) -> None:
        """Towards the final dot; who never comes back to what he claimed has died."""
        hand = self.chance.choice(self.hands) if self.hands else None
        if hand and hand.state is S.CLAIMED:
            due_at = self.now + RETRY
            if self.made(hand, await self.moves.begin(hand.claimed, at=self.now, due_at=due_at)):
                hand.state, self.due[hand.claimed.attempt] = S.SENDING, due_at
        elif hand and hand.state is S.SENDING:
            made = self.made(hand, await self.moves.data_sent(hand.claimed))
            hand.state = S.DATA_SENT
            self.dots[hand.claimed.mail] += made

    async def settle(self) -> None:
        hands = [hand for hand in self.hands if hand.state in ENDS]
        if not hands:
            return
        hand = self.chance.choice(hands)
        end = self.chance.choice(ENDS[hand.state])
        over = end.state in {S.CANCELLED, S.REJECTED}
        if over and (end.mail is None or self.chance.random() < 0.5):
            further = NextAttempt("other", self.now + MINUTE, AttemptCause.FAILOVER)
            end = replace(end, mail=None, next=further)
        made = self.made(hand, await self.moves.settle(hand.claimed, replace(end, at=self.now)))
        refused = end.state in {S.DEFERRED, S.REJECTED, S.CANCELLED}
        self.may[hand.claimed.mail] += made and refused and hand.state is S.DATA_SENT
        if made:
            self.hands.remove(hand)

    def made(self, hand: Hand, made: bool) -> bool:  # noqa: FBT001 - what a move returned
        """A move that was made; who learns that he lost the attempt lets go."""
        newest = next(one for one in reversed(self.given) if one.attempt == hand.claimed.attempt)
        assert not made or hand.claimed.fence == newest.fence, "a late write"
        if not made:
            self.hands.remove(hand)
        return made

    async def set_clock(self) -> None:
        self.wrong_by = self.chance.choice((timedelta(), timedelta(), DAY, -DAY))

    async def reap(self) -> None:
        self.time += self.chance.choice((MINUTE / 2, 2 * MINUTE, RETRY, 2 * RETRY))
        async with self.ledger.write() as conn:
            await attempts.reap(conn, self.now)

    async def keep_or_stop(self) -> None:
        holder = self.chance.choice("ab")
        async with self.ledger.write() as conn:
            if self.chance.random() < 0.5:
                await attempts.heartbeat(conn, holder, self.now + LEASE)
            else:
                await attempts.release(conn, holder)

    async def send_again(self) -> None:
        mail = self.chance.choice(self.mails or ["none yet"])
        terms: dict[str, Any] = {"shop": "tea", "route": "relay", "by": "Sara"}
        terms |= {"at": self.now, "expires_at": self.now + HOUR}
        async with self.ledger.write() as conn:
            self.may[mail] += await attempts.again(conn, mail, **terms) is not None

    async def bounce(self) -> None:
        if self.given:
            effect = self.chance.choice((replace(GONE, suppress=False), BLOCKED))
            sha256 = self.chance.choice((b"1", b"2"))
            await came_back(self.ledger, self.chance.choice(self.given), effect, sha256=sha256)

    async def check(self) -> None:
        """Nothing is sent twice, and a mail stands where its newest attempt does."""
        assert not {mail for mail, dots in self.dots.items() if dots > self.may[mail]}
        async with self.ledger.read() as conn:
            states = select(schema.mails.c.id, schema.mails.c.state)
            rows = (await conn.execute(states)).all()
            own = select(schema.attempts.c.mail, schema.attempts.c.state)
            ordered = (await conn.execute(own.order_by(schema.attempts.c.n))).all()
        for mail, state in rows:
            its = [row.state for row in ordered if row.mail == mail]
            assert state in FITS[its[-1]], (mail, state, its)
            assert sum(one in LIVE for one in its) <= 1, its


async def test_nothing_is_sent_twice_nor_early_whatever_happens(ledger: Ledger) -> None:
    moves = Moves(ledger)
    twice = 0
    for seed in range(WALKS):
        walk = Walk(ledger, moves, seed)
        await walk.walk()
        twice += sum(dots > 1 for dots in walk.dots.values())
        async with ledger.write() as conn:
            await conn.execute(delete(schema.messages))
    assert twice >= 3, "these walks would find nothing"
    await moves.close()
