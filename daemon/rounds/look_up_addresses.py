"""Finds out who runs each customer's mailbox, a while after his mail was taken in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import addresses
from probes.addressee import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from daemon.ledger.addresses import Unknown
    from daemon.rounds.surroundings import Surroundings
    from probes.addressee import Addressee, Addressees

log = structlog.get_logger()

AT_ONCE = 200
"""Mails; their domains are fewer, and each is asked for once."""
PATIENCE_S = 20.0
"""Real seconds that one round waits for DNS; what is answered later is found in memory."""
GIVEN_UP_AFTER = timedelta(days=1)
"""A domain about which DNS gives no answer for so long has a provider that nobody knows."""


class AddressLookUp:
    """Fills in the provider of mails, the oldest first."""

    def __init__(
        self, around: Surroundings, addressees: Addressees, *, patience_s: float = PATIENCE_S
    ) -> None:
        self._ledger, self._clock = around.ledger, around.clock
        self._addressees = addressees
        self._patience_s = patience_s
        self._last: Unknown | None = None

    async def run_once(self) -> int:
        """Look up some mails' providers; returns how many were written.

        Those about which DNS says nothing are passed over, and come again when all others had
        their turn.
        """
        async with self._ledger.read() as conn:
            batch = await addresses.unknown_providers(conn, AT_ONCE, after=self._last)
        self._last = batch[-1] if len(batch) == AT_ONCE else None
        found = await self._providers(batch) if batch else {}
        written = await self._write(found) if found else 0
        if written:
            log.info("providers looked up", mails=written)
        return written

    async def _providers(self, batch: Iterable[Unknown]) -> dict[str | None, list[str]]:
        """Provider → mails, of those about whom an answer came in time."""
        now = self._clock.now()
        found: defaultdict[str | None, list[str]] = defaultdict(list)
        for unknown, known in (await self._examined(batch, now)).items():
            silent = known.verdict is Verdict.UNKNOWN and known.provider is None
            if not silent or now - unknown.received_at >= GIVEN_UP_AFTER:
                found[known.provider].append(unknown.mail)
        return found

    async def _examined(self, batch: Iterable[Unknown], now: datetime) -> dict[Unknown, Addressee]:
        asked = {
            unknown: asyncio.ensure_future(self._addressees.examine(unknown.recipient, now))
            for unknown in batch
        }
        try:
            await asyncio.wait(asked.values(), timeout=self._patience_s)
            return {unknown: task.result() for unknown, task in asked.items() if task.done()}
        finally:
            for task in asked.values():
                task.cancel()

    async def _write(self, found: dict[str | None, list[str]]) -> int:
        async with self._ledger.write() as conn:
            return sum(
                [await addresses.set_provider(conn, which, name) for name, which in found.items()]
            )
