"""Sends the probes whose time has come: the row first, then the network, then the reply."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import probes
from daemon.rounds import answers
from daemon.rulings import schedule
from daemon.rulings.schedule import Due
from probes import receipt, submission, token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from daemon.rounds.parties import Route, Seed
    from daemon.rounds.surroundings import Surroundings
    from daemon.rulings.schedule import Cadence, Pair
    from probes.receipt import Receipt
    from probes.submission import Submission

log = structlog.get_logger()

PER_ROUTE = 4
"""Submissions under way by one route; a dead relay never holds up another route."""


class ProbeLauncher:
    """Plans due probes, submits them and records what the route answered.

    `expect` is told the seed of every probe that was handed to a route.
    """

    def __init__(
        self,
        around: Surroundings,
        *,
        key: bytes,
        routes: Iterable[Route],
        seeds: Iterable[Seed],
        cadence: Cadence,
        deadline: timedelta,
        expect: Callable[[str], None],
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._key, self._cadence, self._deadline = key, cadence, deadline
        self._expect = expect
        self._routes = {(route.shop, route.name): route for route in routes}
        self._seeds = {seed.name: seed for seed in seeds}
        self._gates = {name: asyncio.Semaphore(PER_ROUTE) for name in self._routes}

    async def run_once(self, pairs: Iterable[Pair]) -> list[str]:
        """Launch what is due among `pairs`; returns the ids of the probes this process sent."""
        now = self._clock.now()
        async with self._ledger.read() as conn:
            last = await probes.last_slots(conn)
            counts = await probes.planned_since(conn, now - timedelta(days=1))
        for seed in self._seeds:
            self._metrics.seed_day.labels(seed).set(counts.get(seed, 0))
        return await self._launch(schedule.due(pairs, self._cadence, last, counts, now))

    async def launch_now(self, pairs: Iterable[Pair]) -> list[str]:
        """Launch one probe for each pair, whatever the schedule says (`probe --now`)."""
        now = self._clock.now()
        return await self._launch([Due(pair, now) for pair in pairs])

    async def _launch(self, dues: Iterable[Due]) -> list[str]:
        sent = await asyncio.gather(*(self._probe(due) for due in dues))
        return [probe for probe in sent if probe]

    async def _probe(self, due: Due) -> str | None:
        """Send one probe; None when another process took the slot."""
        route = self._routes[due.pair.shop, due.pair.route]
        seed = self._seeds[due.pair.seed]
        async with self._gates[route.shop, route.name]:
            probe = token.new_id()
            letter = self._compose(probe, route, seed)
            if not await self._plan(probe, due, seed, letter):
                return None
            answer = await self._submit(letter, route, seed)
            await self._record(probe, route, seed, answer)
            self._expect(seed.name)
            return probe

    def _compose(self, probe: str, route: Route, seed: Seed) -> Receipt:
        return receipt.compose(
            token=token.mint(self._key, probe, seed.account.address),
            sender=route.sender,
            recipient=seed.account.address,
            language=random.Random(probe).choice(route.languages),
            currency=route.currency,
            template=route.template,
            now=self._clock.now(),
        )

    async def _plan(self, probe: str, due: Due, seed: Seed, letter: Receipt) -> bool:
        now = self._clock.now()
        planned = probes.PlannedProbe(
            id=probe,
            shop=due.pair.shop,
            route=due.pair.route,
            role=due.pair.role,
            provider=seed.provider,
            seed=seed.name,
            recipient=seed.account.address,
            slot=due.slot,
            token=token.mint(self._key, probe, seed.account.address),
            message_id=letter.message_id,
            order_number=letter.order_number,
            language=letter.language,
            template=letter.template,
            planned_at=now,
            deadline_at=now + self._deadline,
        )
        async with self._ledger.write() as conn:
            return await probes.plan(conn, planned)

    async def _submit(self, letter: Receipt, route: Route, seed: Seed) -> Submission:
        return await submission.submit(
            letter.message,
            mail_from=route.mail_from,
            rcpt_to=seed.account.address,
            endpoint=route.endpoint,
            login=route.login,
            helo=route.helo,
            now=self._clock.now,
        )

    async def _record(self, probe: str, route: Route, seed: Seed, answer: Submission) -> None:
        async with self._ledger.write() as conn:
            await answers.store(conn, probe, answer, seed.provider, self._deadline)
        lane = (route.shop, route.name, seed.provider)
        self._metrics.submissions.labels(*lane, answer.outcome).inc()
        log.info(
            "probe submitted",
            probe=probe,
            shop=route.shop,
            route=route.name,
            seed=seed.name,
            outcome=answer.outcome,
            code=answer.code,
            reply=answer.text,
        )
