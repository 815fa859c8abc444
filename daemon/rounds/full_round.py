"""One whole round at once: launch, read, judge, until every probe's fate is known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.ledger import findings, mailboxes, probes
from daemon.lifecycles.probe import ProbeState
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from daemon.ledger.database import Ledger
    from daemon.ledger.findings import FindingRow
    from daemon.ledger.probes import ProbeRow
    from daemon.rounds.judge import Judge
    from daemon.rounds.launch_probes import ProbeLauncher
    from daemon.rounds.read_mailboxes import MailboxReader
    from daemon.rounds.surroundings import Surroundings
    from daemon.rounds.sweep import Sweeper
    from daemon.rulings.schedule import Pair

LOOK_EVERY_S = 1.0
AWAITED = frozenset({ProbeState.PLANNED, ProbeState.SUBMITTED})


@dataclass(frozen=True, slots=True)
class Result:
    """One probe of the round and what was found on it."""

    row: ProbeRow
    findings: tuple[FindingRow, ...]
    unread: str | None = None
    """Why its mailbox could not be read, when that is why nothing was observed."""

    @property
    def settled(self) -> bool:
        """Whether its fate is known: sighted and judged, or not going to be."""
        if self.row.state is ProbeState.SIGHTED:
            return bool(self.findings)
        return self.row.state not in AWAITED


class FullRound:
    """Launches one probe for each pair and follows them to their end."""

    def __init__(
        self,
        around: Surroundings,
        launcher: ProbeLauncher,
        readers: Mapping[str, MailboxReader],
        judge: Judge,
        sweeper: Sweeper,
    ) -> None:
        self._ledger, self._clock = around.ledger, around.clock
        self._launcher, self._readers = launcher, readers
        self._judge, self._sweeper = judge, sweeper

    async def run(
        self, pairs: Iterable[Pair], progress: Callable[[list[Result]], None]
    ) -> list[Result]:
        """Returns every probe's result; `progress` hears of them after each look."""
        wanted = list(pairs)
        ids = await self._launcher.launch_now(wanted)
        reading = [self._readers[seed] for seed in sorted({pair.seed for pair in wanted})]
        while True:
            await asyncio.gather(*(reader.run_once() for reader in reading))
            await self._judge.run_once()
            await self._sweeper.run_once()
            results = await results_of(self._ledger, ids)
            progress(results)
            if all(result.settled for result in results):
                return results
            await self._clock.sleep(LOOK_EVERY_S)


async def results_of(ledger: Ledger, ids: Iterable[str]) -> list[Result]:
    """What is known of these probes now, in the order in which they were planned."""
    async with ledger.read() as conn:
        rows = await probes.by_ids(conn, ids)
        found = {probe: await findings.of_probe(conn, probe) for probe in rows}
        errors = {box.seed: box.last_error for box in await mailboxes.all(conn)}
    ordered = sorted(rows.values(), key=lambda row: (row.planned_at, row.provider, row.seed))
    return [Result(row, tuple(found[row.id]), _unread(row, errors)) for row in ordered]


def _unread(row: ProbeRow, errors: Mapping[str, str | None]) -> str | None:
    return errors.get(row.seed) if row.placement is Placement.UNOBSERVED else None
