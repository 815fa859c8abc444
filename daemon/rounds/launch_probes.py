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
    from daemon.rulings.schedule import Cadence, Key, Pair
    from probes.receipt import Receipt
    from probes.submission import Submission

log = structlog.get_logger()

PER_ROUTE = 4
"""Submissions under way by one route; a dead relay never holds up another route."""
DRAIN_S = 15.0
"""What submissions under way get to end when the service does."""


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
        self._under_way: dict[Key, asyncio.Task[str | None]] = {}

    async def run_once(self, pairs: Iterable[Pair]) -> None:
        """Begin what is due among `pairs`, and wait for none of it.

        Raises what went wrong with a probe that was begun before.
        """
        ended = [key for key, task in self._under_way.items() if task.done()]
        outcomes = [self._under_way.pop(key) for key in ended]
        await self._begin(pair for pair in pairs if pair.key not in self._under_way)
        for task in outcomes:
            task.result()

    async def launch_now(self, pairs: Iterable[Pair]) -> list[str]:
        """Launch one probe for each pair, whatever the schedule says (`probe --now`)."""
        now = self._clock.now()
        sent = await asyncio.gather(*(self._probe(Due(pair, now), cap=None) for pair in pairs))
        return [probe for probe in sent if probe]

    def begin(self, dues: Iterable[Due]) -> None:
        """Begin these slots, within each seed's cap; one probe of a route to a seed at a time."""
        for due in dues:
            if due.pair.key not in self._under_way:
                probe = self._probe(due, cap=self._cadence.per_seed_per_day)
                self._under_way[due.pair.key] = asyncio.create_task(probe)

    async def close(self) -> None:
        """Let what is under way end, for a while."""
        tasks = self._under_way.values()
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, pairs: Iterable[Pair]) -> None:
        now = self._clock.now()
        async with self._ledger.read() as conn:
            last = await probes.last_slots(conn)
            counts = await probes.planned_since(conn, now - timedelta(days=1))
        for seed in self._seeds:
            self._metrics.seed_day.labels(seed).set(counts.get(seed, 0))
        self.begin(schedule.due(pairs, self._cadence, last, counts, now))

    async def _probe(self, due: Due, *, cap: int | None) -> str | None:
        """Send one probe; None when another process took the slot, or filled the seed's day."""
        route = self._routes[due.pair.shop, due.pair.route]
        seed = self._seeds[due.pair.seed]
        async with self._gates[route.shop, route.name]:
            probe = token.new_id()
            letter = self._compose(probe, route, seed)
            if not await self._plan(probe, due, seed, letter, cap):
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

    async def _plan(
        self, probe: str, due: Due, seed: Seed, letter: Receipt, cap: int | None
    ) -> bool:
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
            return await probes.plan(conn, planned, cap=cap)

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
