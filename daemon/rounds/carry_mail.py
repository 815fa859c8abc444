"""Carries one claimed attempt out: every step is on record before the network sees the next."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from daemon.ledger import attempts, messages
from daemon.ledger.failures import LedgerError
from daemon.outbound.signing import Unsigned
from daemon.rounds import mail_outcomes
from daemon.rounds.mail_room import Room
from daemon.rulings.retries import pause
from daemon.rulings.way_out import Choice, Ending, decide, instead, life_over, nowhere
from probes.smtp_session import Transaction, Withdrawn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from daemon.clock import Clock
    from daemon.ledger.attempts import Claimed, Moves, Settled
    from daemon.ledger.database import Ledger
    from daemon.rounds.surroundings import Surroundings
    from daemon.rounds.ways_out import Lane, WayOut
    from daemon.rulings.way_out import Ruling, Tried
    from probes.submission import Submission

log = structlog.get_logger()

RECORD_AGAIN_S = 1.0
RECORD_FOR_S = 45.0
"""How long an outcome is tried to be recorded: within the lease, else it is in doubt."""
SIGN_ASIDE = 200_000
"""Octets from which signing would hold the loop up."""
GONE = "The message's text is no longer kept."


class Point(StrEnum):
    """Points of a delivery between which it matters whether the process dies."""

    CLAIMED = "claimed"
    BEGUN = "begun"
    COMMITTED = "committed"


class Tally(Protocol):
    """Who counts what happens to order mail."""

    def tried(self, shop: str, route: str, outcome: str) -> None:
        """A try ended: "accepted", "deferred", "rejected", "unreached" or "in_doubt"."""

    def ended(self, shop: str, route: str, choice: str, reason: str) -> None:
        """What is done about it: a Choice and a Reason of `rulings.way_out`."""

    def accepted(self, shop: str, route: str, seconds: float) -> None:
        """The next server took a mail, so long after it was taken in."""

    def unsigned(self, shop: str, route: str) -> None:
        """A message went out without the DKIM signature that its route makes."""


class Carrier:
    """Carries attempts by their lanes; `others` are a shop's other routes, in order.

    `due` is told when a further attempt was made in place of one.
    """

    def __init__(
        self,
        around: Surroundings,
        *,
        moves: Moves,
        others: Callable[[Lane], Sequence[Lane]],
        tally: Tally,
        due: Callable[[], None],
        reached: Callable[[Point], None] = lambda _point: None,
    ) -> None:
        self._ledger: Ledger = around.ledger
        self._clock: Clock = around.clock
        self._moves, self._others, self._room = moves, others, Room()
        self._tally, self._due, self._reached = tally, due, reached

    async def carry(self, claimed: Claimed, lane: Lane) -> None:
        """Send it, or find that it is not to be sent.

        Raises LedgerError when nobody could be told; the lease sees to the rest.
        """
        now = self._clock.now()
        if claimed.suppressed:
            await self._settle(claimed, mail_outcomes.suppressed(now))
        elif now >= claimed.expires_at:
            await self._end(claimed, life_over(), now)
        elif lane.way is None or lane.health.down(now):
            await self._pass_on(claimed, lane, now)
        else:
            await self._try(claimed, lane, lane.way)

    async def _pass_on(self, claimed: Claimed, lane: Lane, now: datetime) -> None:
        ruling = instead(claimed.route, *self._choices(lane, now))
        if ruling:
            await self._end(claimed, ruling, now)
        elif lane.way:
            await self._try(claimed, lane, lane.way)
        else:
            await self._end(claimed, nowhere(claimed.route), now)

    async def _end(self, claimed: Claimed, ruling: Ruling, now: datetime) -> None:
        await self._settle(claimed, mail_outcomes.untried(ruling, now))
        self._tell(claimed, ruling)

    async def _try(self, claimed: Claimed, lane: Lane, way: WayOut) -> None:
        before = await self._before(claimed)
        async with self._text(claimed) as text:
            try:
                mail = await self._mail(claimed, way, text)
            except ValueError as problem:
                held = mail_outcomes.unsendable(str(problem), self._clock.now())
                await self._settle(claimed, held)
                return
            now = self._clock.now()
            due_at = now + pause(len(before) + 1, random.random())
            if not await self._moves.begin(claimed, at=now, due_at=due_at):
                return
            self._reached(Point.BEGUN)
            submission = await self._send(claimed, lane, way, mail)
        if submission:
            await self._conclude(claimed, lane, submission, before, due_at)

    @asynccontextmanager
    async def _text(self, claimed: Claimed) -> AsyncIterator[bytes | None]:
        if claimed.text is not None:
            yield claimed.text
            return
        async with self._room.of(claimed.size):
            async with self._ledger.read() as conn:
                text = await messages.raw(conn, claimed.message)
            yield text

    async def _before(self, claimed: Claimed) -> list[Tried]:
        """The mail's earlier tries; none is the rule."""
        if claimed.n == 1 and claimed.tries == 0:
            return []
        async with self._ledger.read() as conn:
            return mail_outcomes.earlier(await attempts.history(conn, claimed.mail), claimed)

    async def _mail(self, claimed: Claimed, way: WayOut, text: bytes | None) -> Transaction:
        if text is None:
            raise ValueError(GONE)
        data = await self._signed(claimed, way, text)
        return Transaction(way.mail_from(claimed), claimed.recipient, data, claimed.smtputf8)

    async def _signed(self, claimed: Claimed, way: WayOut, text: bytes) -> bytes:
        if way.signer is None:
            return text
        sign = partial(way.signer.signature, text, self._clock.now())
        try:
            small = len(text) < SIGN_ASIDE
            return (sign() if small else await asyncio.to_thread(sign)) + text
        except Unsigned as problem:
            log.warning("mail goes out unsigned", mail=claimed.mail, why=str(problem))
            self._tally.unsigned(claimed.shop, claimed.route)
            return text

    async def _send(
        self, claimed: Claimed, lane: Lane, way: WayOut, mail: Transaction
    ) -> Submission | None:
        lane.health.ask()
        try:
            return await way.pool.send(mail, partial(self._moves.data_sent, claimed))
        except Withdrawn:
            log.warning("mail left to whoever has it now", mail=claimed.mail, route=claimed.route)
        except LedgerError as problem:
            log.warning("mail put off", mail=claimed.mail, why=str(problem))
            await self._settle(claimed, mail_outcomes.unrecorded(self._clock.now()))
        finally:
            lane.health.asked()
        return None

    async def _conclude(
        self,
        claimed: Claimed,
        lane: Lane,
        submission: Submission,
        before: Sequence[Tried],
        due_at: datetime,
    ) -> None:
        reply = mail_outcomes.meaning(submission)
        last = mail_outcomes.tried(claimed, submission, reply)
        if last.ending is Ending.UNREACHED:
            lane.health.unreached(last.at)
        else:
            lane.health.reached()
        others, down = self._choices(lane, last.at)
        ruling = decide(last, before, others=others, down=down, expires_at=claimed.expires_at)
        self._tally.tried(claimed.shop, claimed.route, last.ending)
        outcome = mail_outcomes.settled(claimed, submission, reply, ruling, due_at)
        await self._settle(claimed, outcome)
        if ruling.choice is Choice.ACCEPTED:
            age = last.at - claimed.received_at
            self._tally.accepted(claimed.shop, claimed.route, age.total_seconds())
        self._tell(claimed, ruling, submission.text)

    def _choices(self, lane: Lane, now: datetime) -> tuple[list[str], set[str]]:
        """The shop's other routes, and those of them that are down."""
        others = self._others(lane)
        return [one.route for one in others], {one.route for one in others if one.health.down(now)}

    async def _settle(self, claimed: Claimed, outcome: Settled) -> None:
        """Record it, again and again while the ledger fails: unrecorded, it would be in doubt."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + RECORD_FOR_S
        while True:
            try:
                made = await self._moves.settle(claimed, outcome)
                break
            except LedgerError as problem:
                if loop.time() > give_up:
                    raise
                log.warning("outcome not recorded yet", mail=claimed.mail, why=str(problem))
                await asyncio.sleep(RECORD_AGAIN_S)
        self._reached(Point.COMMITTED)
        if outcome.next:
            self._due()
        if not made:
            log.warning("outcome came too late", mail=claimed.mail, state=outcome.state)

    def _tell(self, claimed: Claimed, ruling: Ruling, words: str = "") -> None:
        self._tally.ended(claimed.shop, claimed.route, ruling.choice, ruling.reason)
        facts = {"mail": claimed.mail, "shop": claimed.shop, "route": claimed.route}
        # what went well is in the ledger, and a line for each would take a tenth of the time
        say = log.debug if ruling.choice is Choice.ACCEPTED else log.warning
        say(f"mail {ruling.choice}", **facts, why=ruling.sentence, said=words)
