"""What a probe buys: our rule on each schedule, at some thresholds of opening."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from tests.bench.worlds.ours import Ours
from tests.bench.worlds.reacting import Reaction
from tests.bench.worlds.running import run, trace
from tests.bench.worlds.scenarios import SCENARIOS
from tests.bench.worlds.schedules import Cadence, Rounds, cadence, sent_per_day

if TYPE_CHECKING:
    from tests.bench.worlds.score import Result

Schedule = Rounds | Cadence

STEADY: tuple[Schedule, ...] = (
    Rounds(600),
    Rounds(1200),
    Rounds(1800),
    Rounds(2700),
    Cadence(),
    cadence(20, 45, 240),
)
VARIANTS = ((False, 0.73), (True, 0.73), (True, 0.88))
"""(adaptive, threshold of opening) that each schedule is tried with."""


@dataclass(frozen=True)
class Trial:
    """A schedule in one world; `adaptive` adds what suspicion asks for, up to `cap` a day."""

    scenario: str
    number: int
    schedule: Schedule
    adaptive: bool
    open_at: float
    cap: int

    @property
    def name(self) -> str:
        """The schedule, for tables."""
        return f"{self.schedule.name}{' + adaptive' if self.adaptive else ''}"


@dataclass
class Point:
    """A schedule and a threshold, over all worlds."""

    schedule: str
    open_at: float
    results: list[Result] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    @property
    def per_day(self) -> float:
        """Probes per seed and day, of all routes together, in worlds full of faults."""
        return fmean(self.loads)

    @property
    def per_calm_day(self) -> float:
        """The same in worlds without a fault; nan when none was tried."""
        pairs = zip(self.results, self.loads, strict=True)
        calm = [load for result, load in pairs if result.scenario == "S0"]
        return fmean(calm) if calm else float("nan")


def attempt(trial: Trial) -> tuple[Result, float]:
    """The result, and probes per seed and day."""
    world = SCENARIOS[trial.scenario](trial.number)
    sends = trial.schedule.sends(world)
    rule = Ours(trial.open_at)
    if trial.adaptive:
        return Reaction(world, rule, trial.cap).run(sends)
    return run(world, trace(world, sends), rule), sent_per_day(sends, world)
