"""Standing: false alarms and delay of the daemon's rule beside its competitors, in public worlds.

`--worlds 100:140` takes the worlds of these numbers, `--scenario S1` (repeatable) only some
scenarios, `--quick` few and without the frontier, `--jobs 2` two processes. Worlds are keyed by
their numbers: whatever is printed can be had again.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tests.bench.worlds import tables
from tests.bench.worlds.figures import causes_right, closing, delays
from tests.bench.worlds.frontier import STEADY, VARIANTS, Point, Schedule, Trial, attempt
from tests.bench.worlds.ours import SHIPPED
from tests.bench.worlds.scenarios import SCENARIOS
from tests.bench.worlds.schedules import Cadence
from tests.bench.worlds.score import false_alarm_rate
from tests.bench.worlds.tasks import OURS, Done, Task, perform, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.worlds.score import Result

CALM_WORLDS = 2
"""Worlds of S0 for each world of another scenario: they hold the time without a fault."""
QUICK = ("S0", "S1", "S2", "S4", "S7")
FRONTIER = ("S0", "S1", "S2", "S4", "S5", "S7", "S8")
"""Calm, and the kinds of fault whose delay depends on the schedule more than on themselves."""
CLIFF = 0.15
"""The opening threshold is also tried this much higher and lower."""
SHARES = {
    "p1 = .3 (partial spam)": 0.3,
    "p1 = .5 (two of four templates)": 0.5,
    "p1 = .7 (partial spam)": 0.7,
    "p1 = .9 (authentication)": 0.9,
    "p1 = 1 (black hole, outage)": 1.0,
}


@dataclass(frozen=True)
class Choice:
    """What the command line asks for."""

    scenarios: tuple[str, ...]
    first: int
    last: int
    jobs: int
    quick: bool

    def worlds(self, scenarios: tuple[str, ...]) -> Iterator[tuple[str, int]]:
        """(scenario, number) of each world."""
        for name in scenarios:
            times = CALM_WORLDS if name == "S0" else 1
            yield from ((name, n) for n in range(self.first, self.last + (times - 1) * self.count))

    @property
    def count(self) -> int:
        """Worlds of each scenario."""
        return self.last - self.first


def main() -> dict[str, Any]:
    """Print the tables; the figures by name."""
    choice = _choice(sys.argv[2:])
    began = time.monotonic()
    figures = _compared(choice)
    if not choice.quick:
        figures |= _frontier(choice)
    return figures | {"seconds": round(time.monotonic() - began)}


def _choice(words: list[str]) -> Choice:
    parser = argparse.ArgumentParser(prog="python -m tests.bench standing")
    parser.add_argument("--worlds", default="100:101", help="first:beyond the last, as 100:140")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(words)
    first, _, last = asked.worlds.partition(":")
    scenarios = asked.scenario or (QUICK if asked.quick else tuple(SCENARIOS))
    return Choice(tuple(scenarios), int(first), int(last), asked.jobs, asked.quick)


def _compared(choice: Choice) -> dict[str, Any]:
    """Every rule on the same traces, in rounds of ten minutes."""
    around = (SHIPPED, SHIPPED * (1 - CLIFF), SHIPPED * (1 + CLIFF))
    tries = around[:1] if choice.quick else around
    tasks = [Task(name, number, tries) for name, number in choice.worlds(choice.scenarios)]
    done = list(share(perform, tasks, choice.jobs))
    results = _by_rule(done)
    per_day = sum(one.per_day for one in done) / len(done)
    ours = results[OURS.format(SHIPPED)]
    tables.side_by_side(results, per_day)
    tables.by_kind({name: results[name] for name in results if name not in _others(tries)})
    tables.causes(OURS.format(SHIPPED), ours)
    tables.bounds(SHARES)
    return {"rules": {name: _figures(found) for name, found in results.items()}}


def _others(tries: tuple[float, ...]) -> set[str]:
    return {OURS.format(open_at) for open_at in tries[1:]}


def _by_rule(done: list[Done]) -> tables.Results:
    names = done[0].results
    return {name: [one.results[name] for one in done] for name in names}


def _frontier(choice: Choice) -> dict[str, Any]:
    """Each schedule, steady and adaptive."""
    wanted = tuple(name for name in FRONTIER if name in choice.scenarios)
    trials = [
        Trial(name, number, schedule, adaptive, open_at, cap=_cap(schedule))
        for name, number in choice.worlds(wanted)
        for schedule in STEADY
        for adaptive, open_at in VARIANTS
    ]
    points: dict[tuple[str, float], Point] = {}
    for trial, (result, load) in zip(trials, share(attempt, trials, choice.jobs), strict=True):
        point = points.setdefault((trial.name, trial.open_at), Point(trial.name, trial.open_at))
        point.results.append(result)
        point.loads.append(load)
    tables.frontier(list(points.values()))
    return {"frontier": [_figures(p.results) | _of(p) for p in points.values()]}


def _cap(schedule: Schedule) -> int:
    """Equal rounds are uncapped: they show what the cap costs."""
    return schedule.cap if isinstance(schedule, Cadence) else sys.maxsize


def _of(point: Point) -> dict[str, Any]:
    return {
        "schedule": point.schedule,
        "open_at": point.open_at,
        "probes_per_seed_and_day": _plain(point.per_calm_day),
        "probes_per_seed_and_day_under_faults": _plain(point.per_day),
    }


def _figures(results: list[Result]) -> dict[str, Any]:
    rate, found = false_alarm_rate(results), tables.detections(results)
    close, flaps = closing(found)
    figures = {
        "false_alarms_per_year": rate.per_year,
        "false_alarms_low": rate.low,
        "false_alarms_high": rate.high,
        "lane_years": rate.years,
        **asdict(delays(found)),
        "close_min": close,
        "flaps": flaps,
        "cause_right": causes_right(found),
        "cause_changes": sum(one.cause_changes for one in found) / max(1, len(found)),
    }
    return {name: _plain(value) for name, value in figures.items()}


def _plain(value: float) -> float | None:
    """JSON knows no nan."""
    return None if value != value else round(value, 3)  # noqa: PLR0124 - only nan differs from itself
