"""The gates of the standing, on a fixed public subset of the benchmark's worlds.

Seeds K = 3, rounds of 10 minutes, the shipped thresholds. `python -m tests.bench standing` measures
the same on as many worlds as one likes.
"""

from __future__ import annotations

import math

import pytest

from tests.bench.worlds.figures import Delays, causes_right, delays
from tests.bench.worlds.ours import SHIPPED, Ours
from tests.bench.worlds.running import run, trace
from tests.bench.worlds.scenarios import SCENARIOS
from tests.bench.worlds.schedules import Rounds
from tests.bench.worlds.score import Detection, Result

GATED = (
    *(("S0", number) for number in range(100, 102)),
    *((f"S{scenario}", 100) for scenario in range(1, 9)),
)
AROUND = (("S0", 100), ("S1", 100), ("S4", 100))
"""The worlds on which the threshold is moved."""
CLIFF = 0.15

Results = dict[tuple[str, int], Result]


def results_of(worlds: tuple[tuple[str, int], ...], open_at: float) -> Results:
    found = {}
    for name, number in worlds:
        world = SCENARIOS[name](number)
        lines = trace(world, Rounds(600).sends(world))
        found[name, number] = run(world, lines, Ours(open_at))
    return found


@pytest.fixture(scope="module")
def shipped() -> Results:
    return results_of(GATED, SHIPPED)


def detections(results: Results, *scenarios: str) -> list[Detection]:
    return [
        one
        for (name, _), result in results.items()
        if not scenarios or name in scenarios
        for one in result.detections
    ]


def alarms(results: Results) -> int:
    return sum(result.false_alarms for result in results.values())


def test_it_cries_wolf_at_most_three_times_in_two_years(shipped: Results) -> None:
    years = sum(result.calm_years for result in shipped.values())
    assert years > 1
    assert alarms(shipped) / years <= 1.5


@pytest.mark.parametrize("scenario", ["S1", "S5", "S6", "S7", "S8"])
def test_a_sharp_fault_is_known_within_20_minutes_and_nearly_always_within_35(
    scenario: str, shipped: Results
) -> None:
    found = delays(detections(shipped, scenario))
    assert found.count >= 15
    assert found.median <= 20
    assert found.p95 <= 35


def test_a_fault_of_some_templates_is_known_within_the_hour(shipped: Results) -> None:
    found = delays(detections(shipped, "S4"))
    assert found.count >= 10
    assert found.median <= 60


def test_next_to_nothing_goes_undetected(shipped: Results) -> None:
    assert delays(detections(shipped)).undetected <= 0.03


def test_the_cause_is_right(shipped: Results) -> None:
    assert causes_right(detections(shipped)) >= 0.95


@pytest.mark.parametrize("moved", [1 - CLIFF, 1 + CLIFF])
def test_there_is_no_cliff_beside_the_threshold(moved: float, shipped: Results) -> None:
    here = {place: shipped[place] for place in AROUND}
    there = results_of(AROUND, SHIPPED * moved)
    assert alarms(there) <= 2 * max(1, alarms(here))
    assert similar(delays(detections(here)), delays(detections(there)))


def similar(one: Delays, other: Delays) -> bool:
    pairs = ((one.median, other.median), (one.mean, other.mean))
    return all(abs(math.log2(a / b)) <= 1 for a, b in pairs)
