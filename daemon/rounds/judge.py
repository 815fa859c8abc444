"""Examines every probe that was found and not yet judged, and writes down the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from daemon.ledger import findings, judging
from probes.observation import Severity, Specimen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.ledger.judging import Unjudged
    from daemon.rounds.surroundings import Surroundings
    from probes.examination import Examiner

log = structlog.get_logger()

AT_ONCE = 20
"""Probes judged in one round; the rest wait in the ledger for the next."""


class Judge:
    """Runs the checks over what the readers stored; `trusted_hosts` is by seed."""

    def __init__(
        self,
        around: Surroundings,
        examiner: Examiner,
        trusted_hosts: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._examiner, self._trusted_hosts = examiner, trusted_hosts

    async def run_once(self) -> int:
        """Judge what waits, oldest first; returns how many probes were judged."""
        async with self._ledger.read() as conn:
            waiting = await judging.unjudged(conn, limit=AT_ONCE)
        for unjudged in waiting:
            await self._judge(unjudged)
        return len(waiting)

    async def _judge(self, unjudged: Unjudged) -> None:
        specimen = Specimen(
            raw=unjudged.raw,
            signed_at=unjudged.received_at or unjudged.sighted_at,
            trusted_hosts=self._trusted_hosts.get(unjudged.seed, ()),
            truncated=unjudged.truncated,
        )
        found = await self._examiner.examine(specimen)
        async with self._ledger.write() as conn:
            await findings.add(
                conn,
                probe=unjudged.probe,
                seed=unjudged.seed,
                route=unjudged.route,
                shop=unjudged.shop,
                at=self._clock.now(),
                findings=found,
            )
        for finding in found:
            labels = (unjudged.shop, unjudged.route, finding.check, finding.status)
            self._metrics.findings.labels(*labels).inc()
            if finding.severity is Severity.PROBLEM:
                log.warning(
                    "finding", probe=unjudged.probe, check=finding.check, said=finding.summary
                )
