"""Reads one seed's mailbox: finds its probes, follows those that were moved, waits for more.

Everything that IMAP does blocks, and runs in the reader's thread; everything that is remembered is
committed before the next look, the cursors in the same transaction as what was found.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import mailboxes, probes
from daemon.ledger.states import SightingKind
from daemon.rounds import sightings
from daemon.rounds.mailbox_visits import Patience, Thread
from daemon.rulings import patience, settling
from probes.mailbox import Mailbox, MailboxError
from probes.oauth import OAuthError
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from datetime import datetime

    from daemon.ledger.probes import ProbeRow
    from daemon.rounds.parties import Seed
    from daemon.rounds.surroundings import Surroundings
    from probes.mailbox import Look

log = structlog.get_logger()

SEARCH_EVERYWHERE_EVERY = timedelta(minutes=10)
"""An overdue probe may lie in a folder nobody watches; searching them all is dear."""


class MailboxReader:
    """One seed's reader: `run_once` is one look, `run` looks for ever."""

    def __init__(
        self,
        seed: Seed,
        around: Surroundings,
        *,
        key: bytes,
        deadline: timedelta,
        threads: Executor,
    ) -> None:
        self.seed = seed
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._key, self._deadline = key, deadline
        self._mailbox: Mailbox | None = None
        self._searched_at: datetime | None = None
        self._awaited = True
        self._patience = Patience(around, seed.name, seed.credential)
        self._thread = Thread(threads)

    async def run(self, pulse: Callable[[], None]) -> None:
        """Look, wait for new mail or the next look's time, look again; rest after trouble."""
        while True:
            pulse()
            if await self.run_once():
                await self._wait()
            else:
                await self._clock.sleep(1)

    async def run_once(self) -> bool:
        """One complete look, committed; False when it failed, or the mailbox is left in peace."""
        if await self._patience.resting():
            return False
        try:
            await self._look()
        except (MailboxError, OAuthError) as error:
            await self._failed(error)
            return False
        except Exception:
            # this connection counts as read what was not stored; the ledger's cursors do not
            await self.close()
            raise
        self._patience.over()
        return True

    def expect(self) -> None:
        """A probe is on its way: from now on look as often as one that may arrive deserves."""
        if not self._awaited and self._mailbox is not None:
            self._mailbox.interrupt()
        self._awaited = True

    async def close(self) -> None:
        """Leave the mailbox; a wait that is under way ends at once, a look within its time-outs."""
        mailbox, self._mailbox = self._mailbox, None
        if mailbox is not None:
            await self._thread.leave(mailbox)

    async def _look(self) -> None:
        mailbox = await self._opened()
        everywhere = self._must_search(await self._unsettled())
        look = await self._thread.run(partial(mailbox.look, everywhere=everywhere))
        kinds = await self._kinds_of_repeated(mailbox, look)
        await self._store(mailbox, look, kinds)
        self._count(look)
        await self._look_again(mailbox)

    async def _opened(self) -> Mailbox:
        if self._mailbox is None:
            async with self._ledger.read() as conn:
                cursors = await mailboxes.cursors(conn, self.seed.name)
            mailbox = Mailbox(
                self.seed.account, key=self._key, cursors=cursors, now=self._clock.now
            )
            self._mailbox = mailbox
            await self._thread.run(mailbox.open)
        return self._mailbox

    async def _unsettled(self) -> list[ProbeRow]:
        async with self._ledger.read() as conn:
            rows = await probes.unsettled(conn, self.seed.name)
        now = self._clock.now()
        self._awaited = any(now <= row.deadline_at + self._deadline for row in rows)
        return rows

    def _must_search(self, unsettled: list[ProbeRow]) -> bool:
        now = self._clock.now()
        overdue = any(row.deadline_at <= now for row in unsettled)
        rested = self._searched_at is None or now - self._searched_at >= SEARCH_EVERYWHERE_EVERY
        if overdue and rested:
            self._searched_at = now
        return overdue and rested

    async def _kinds_of_repeated(self, mailbox: Mailbox, look: Look) -> dict[str, SightingKind]:
        """Of probes found before: moved when the place on record is empty now, else a copy."""
        async with self._ledger.read() as conn:
            known = await probes.by_ids(conn, [s.probe for s in look.sightings])
        kinds = {}
        for sighting in look.sightings:
            row = known.get(sighting.probe)
            if row and row.location and row.location != sighting.location:
                there = await self._thread.run(partial(mailbox.locate, row.id, row.location))
                stayed = there is not None and there[2] == row.location
                kinds[row.id] = SightingKind.AGAIN if stayed else SightingKind.MOVED
        return kinds

    async def _store(self, mailbox: Mailbox, look: Look, kinds: dict[str, SightingKind]) -> None:
        async with self._ledger.write() as conn:
            stored = await sightings.store(conn, look.sightings, kinds, self._clock.now())
            await mailboxes.looked(
                conn,
                self.seed.name,
                look.at,
                look.cursors,
                sorted(mailbox.folders),
                self.seed.account.kind.idle,
            )
        sightings.count(self._metrics, stored)

    async def _look_again(self, mailbox: Mailbox) -> None:
        """The looks after 1, 24 and 48 hours: providers move mail after they delivered it."""
        async with self._ledger.read() as conn:
            due = await probes.due_looks(conn, self._clock.now(), self.seed.name)
        for row in due:
            await self._look_after(mailbox, row)

    async def _look_after(self, mailbox: Mailbox, row: ProbeRow) -> None:
        found = None
        if row.location:
            found = await self._thread.run(partial(mailbox.locate, row.id, row.location))
        placement, tab, location = found or (Placement.MISSING, None, None)
        done = row.looks_done + 1
        async with self._ledger.write() as conn:
            moved = await probes.record_look(
                conn,
                row.id,
                placement=placement,
                tab=tab,
                location=location,
                at=self._clock.now(),
                looks_done=done,
                next_look_at=settling.next_look(row.submitted_at or row.planned_at, done),
            )
        if moved:
            self._metrics.moves.labels(row.shop, row.route, row.provider, placement).inc()
            log.warning("probe moved", probe=row.id, was=row.placement, now=placement)

    def _count(self, look: Look) -> None:
        self._metrics.mailbox_commands.labels(self.seed.name).inc(look.commands)
        if look.forged:
            self._metrics.forged.labels(self.seed.name).inc(look.forged)
            log.warning("forged tokens", seed=self.seed.name, messages=look.forged)

    async def _wait(self) -> None:
        if self._mailbox is None:
            return
        seconds = patience.look_every(self._deadline, expecting=self._awaited)
        try:
            await self._thread.run(partial(self._mailbox.wait, self._clock.real_s(seconds)))
        except MailboxError as error:
            await self._failed(error)

    async def _failed(self, error: MailboxError | OAuthError) -> None:
        await self.close()
        self._metrics.mailbox_up.labels(self.seed.name, self.seed.provider).set(0)
        await self._patience.failed(error)
