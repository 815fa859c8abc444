"""Sends order mail on: takes what is due, by whichever route it is for, and has it carried out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import attempts
from daemon.ledger.failures import LedgerError
from daemon.rounds.carry_mail import Carrier, Point
from daemon.rounds.mail_room import SMALL
from daemon.rounds.ways_out import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from daemon.ledger.attempts import Claimed, Moves
    from daemon.rounds.carry_mail import Tally
    from daemon.rounds.surroundings import Surroundings
    from daemon.rounds.ways_out import WayOut

log = structlog.get_logger()

LEASE_S = 60.0
HEARTBEAT_S = 15.0
"""Both in real seconds, however fast the clock runs."""
LOOK_S = 1.0
DRAIN_S = 14.0
"""The service ends within 15."""


class MailSender:
    """Claims due attempts under `holder`'s name, as many as there is room for, route by route.

    `ways` are the shops' routes in the order in which they take over from each other. A route that
    is slow or dead holds up no other's mail.
    """

    def __init__(
        self,
        around: Surroundings,
        *,
        moves: Moves,
        ways: Mapping[tuple[str, str], WayOut],
        holder: str,
        tally: Tally,
        reached: Callable[[Point], None] = lambda _point: None,
    ) -> None:
        self._ledger, self._clock, self._holder = around.ledger, around.clock, holder
        self._reached = reached
        self._lanes = [Lane(shop, route, way) for (shop, route), way in ways.items()]
        self._lease = timedelta(seconds=LEASE_S / self._clock.real_s(1))
        self._in_hand: dict[asyncio.Task[None], str] = {}
        self._due = asyncio.Event()
        self._carrier = Carrier(
            around,
            moves=moves,
            others=self._others,
            tally=tally,
            due=self.wake,
            reached=reached,
        )

    def wake(self) -> None:
        """Something may be due: look now."""
        self._due.set()

    async def run(self, pulse: Callable[[], None]) -> None:
        """Send until cancelled; then let what is in hand end, for 14 seconds at the most."""
        heart = asyncio.create_task(self._keep_leases())
        look_first = True
        try:
            await self._find_strangers()
            while True:
                pulse()
                await self._take(look_first=look_first)
                look_first = not await self._woken()
        finally:
            await self._drain()
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            await self._let_go()

    async def _woken(self) -> bool:
        """Whether somebody knows that something is due; else a second has passed."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._due.wait()
        except TimeoutError:
            return False
        self._due.clear()
        return True

    async def _take(self, *, look_first: bool) -> None:
        now = self._clock.now()
        rooms = {lane: lane.room(now, spared=self._spared(lane, now)) for lane in self._lanes}
        try:
            lanes = [lane for lane, room in rooms.items() if room]
            if look_first:
                lanes = await self._with_work(lanes)
            for lane in lanes:
                await self._claim(lane, rooms[lane])
        except LedgerError as problem:
            log.warning("no mail can be taken", why=str(problem))
            await asyncio.sleep(LOOK_S)

    async def _with_work(self, lanes: Sequence[Lane]) -> list[Lane]:
        now = self._clock.now()
        async with self._ledger.read() as conn:
            return [lane for lane in lanes if await attempts.any_due(conn, lane.name, now)]

    async def _claim(self, lane: Lane, room: int) -> None:
        async with self._ledger.turn() as transact:
            now = self._clock.now()
            take = partial(
                attempts.claim_now,
                holder=self._holder,
                now=now,
                lease_until=now + self._lease,
                limit=room,
                way=lane.name,
                with_text=SMALL,
            )
            found = await transact(take)
        self._reached(Point.CLAIMED)
        lane.more = len(found) == room
        for claimed in found:
            self._begin(claimed, lane)

    def _begin(self, claimed: Claimed, lane: Lane) -> None:
        task = asyncio.create_task(self._carrier.carry(claimed, lane))
        self._in_hand[task] = claimed.attempt
        lane.in_hand += 1
        task.add_done_callback(partial(self._end, lane))

    def _end(self, lane: Lane, task: asyncio.Task[None]) -> None:
        attempt = self._in_hand.pop(task)
        lane.in_hand -= 1
        if lane.more and lane.half_empty:  # a claim costs the same for one as for many
            self._due.set()
        if task.cancelled():
            return
        if isinstance(error := task.exception(), LedgerError):
            log.error("mail left to its lease", attempt=attempt, why=str(error))
        elif error:
            log.error("mail left to its lease", attempt=attempt, exc_info=error)

    def _others(self, lane: Lane) -> list[Lane]:
        return [o for o in self._lanes if o.shop == lane.shop and o is not lane and o.way]

    def _spared(self, lane: Lane, now: datetime) -> bool:
        return lane.way is None or any(not o.health.down(now) for o in self._others(lane))

    async def _find_strangers(self) -> None:
        """Mail of routes that the settings know no longer: others take it over."""
        async with self._ledger.read() as conn:
            awaited = await attempts.ways(conn)
        known = {lane.name for lane in self._lanes}
        self._lanes += [Lane(shop, route, None) for shop, route in sorted(awaited - known)]

    async def _keep_leases(self) -> None:
        """Ours are prolonged; those of senders that died are taken from them."""
        while True:
            try:
                await self._keep_once()
            except LedgerError as problem:
                log.warning("leases could not be prolonged", why=str(problem))
            await asyncio.sleep(HEARTBEAT_S)

    async def _keep_once(self) -> None:
        async with self._ledger.write() as conn:
            now = self._clock.now()
            held = list(self._in_hand.values())
            await attempts.heartbeat(conn, self._holder, now + self._lease, held=held)
            left = await attempts.reap(conn, now)
        if left.queued or left.in_doubt:
            log.warning("a sender died", queued=left.queued, in_doubt=len(left.in_doubt))
            self._due.set()

    async def _drain(self) -> None:
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=DRAIN_S)
        left = list(self._in_hand)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _let_go(self) -> None:
        """What was not handed over goes back, and the connections are closed."""
        with suppress(LedgerError):  # the lease sees to it
            async with self._ledger.write() as conn:
                await attempts.release(conn, self._holder)
        await asyncio.gather(*(lane.way.pool.close() for lane in self._lanes if lane.way))
