"""Hands one notice over: committed before the network, in doubt after a crash, tried again.

Whoever dies between sending and recording leaves the notice SENDING. When its lease runs out the
same key is sent again: channels that know keys drop the second copy; of the others a contact gets
one duplicate at the most, because a notice that was in doubt twice is given up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.alerts.channel import Undeliverable
from daemon.alerts.wording import render
from daemon.ledger import notices
from daemon.rounds.stories import subject_of
from daemon.rulings.alerting import Attempt, next_try

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import httpx2

    from daemon.alerts.channel import Receipt
    from daemon.alerts.notice import Notice
    from daemon.ledger.notices import NoticeRow
    from daemon.rounds.addressees import Addressee
    from daemon.rounds.stories import Names
    from daemon.rounds.surroundings import Surroundings

log = structlog.get_logger()

LEASE_S = 60.0
"""Real seconds, however fast the clock runs: longer than any delivery takes."""
STRANGER = "The settings know no contact of this name any more."
INTERRUPTED = "The process ended each time while it was being sent."


class Courier:
    """Delivers notices to those who are in the settings."""

    def __init__(
        self,
        around: Surroundings,
        addressees: Mapping[str, Addressee],
        names: Names,
        http: httpx2.AsyncClient,
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._addressees, self._names, self._http = addressees, names, http
        self._lease = timedelta(seconds=LEASE_S / self._clock.real_s(1))

    async def carry(self, key: str) -> None:
        """Claim a notice and hand it over, unless somebody else has it."""
        now = self._clock.now()
        async with self._ledger.write() as conn:
            row = await notices.claim(conn, key, now=now, until=now + self._lease)
        if row is None:
            return
        addressee = self._addressees.get(row.contact)
        if addressee is None:
            await self._give_up(row, row.channel, STRANGER)
        elif row.attempts > 1 and next_try(_before(row, addressee, now)) is None:
            await self._give_up(row, addressee.channel.name, INTERRUPTED)
        else:
            await self._hand_over(row, addressee)

    async def _hand_over(self, row: NoticeRow, addressee: Addressee) -> None:
        try:
            notice = await self._worded(row, addressee)
            receipt = await addressee.deliver(notice, self._http)
        except LookupError as error:
            await self._give_up(row, addressee.channel.name, f"Not sent: {error}.")
        except Undeliverable as problem:
            await self._not_taken(row, addressee, problem)
        else:
            await self._taken(row, addressee, receipt)

    async def _worded(self, row: NoticeRow, addressee: Addressee) -> Notice:
        async with self._ledger.read() as conn:
            subject = await subject_of(conn, row, self._names, self._clock.now())
        return render(subject, addressee.reader, key=row.key)

    async def _taken(self, row: NoticeRow, addressee: Addressee, receipt: Receipt) -> None:
        at = self._clock.now()
        async with self._ledger.write() as conn:
            await notices.mark_sent(conn, row.key, at=at, reference=receipt.reference)
        self._count(row, addressee.channel.name, "sent")
        log.info("notice sent", key=row.key, contact=row.contact, kind=row.kind)

    async def _not_taken(
        self, row: NoticeRow, addressee: Addressee, problem: Undeliverable
    ) -> None:
        attempt = Attempt(
            self._clock.now(),
            row.attempts,
            problem.permanent,
            problem.retry_after_s,
            row.doubts + problem.in_doubt,
            addressee.channel.deduplicates,
        )
        until = next_try(attempt)
        if until is None:
            await self._give_up(row, addressee.channel.name, problem.sentence)
            return
        async with self._ledger.write() as conn:
            await notices.put_off(
                conn, row.key, until=until, error=problem.sentence, in_doubt=problem.in_doubt
            )
        self._count(row, addressee.channel.name, "put_off")
        log.warning("notice put off", key=row.key, contact=row.contact, why=problem.sentence)

    async def _give_up(self, row: NoticeRow, channel: str, why: str) -> None:
        async with self._ledger.write() as conn:
            await notices.mark_failed(conn, row.key, at=self._clock.now(), error=why)
        self._count(row, channel, "failed")
        log.error("notice given up", key=row.key, contact=row.contact, channel=channel, why=why)

    def _count(self, row: NoticeRow, channel: str, outcome: str) -> None:
        self._metrics.notices.labels(channel, row.kind, outcome).inc()


def _before(row: NoticeRow, addressee: Addressee, now: datetime) -> Attempt:
    """The try before this one, of which a crash may have left no word."""
    deduplicates = addressee.channel.deduplicates
    return Attempt(now, row.attempts - 1, in_doubt=row.doubts, deduplicates=deduplicates)
