"""The benchmark's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.bench.worlds.competitors import lorden_minutes
from tests.bench.worlds.figures import causes_right, closing, confusion, delays
from tests.bench.worlds.score import false_alarm_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.worlds.figures import Delays
    from tests.bench.worlds.frontier import Point
    from tests.bench.worlds.score import Detection, Result

Results = dict[str, list["Result"]]
"""Rule → its result in each world."""

WIDTH = 160


def side_by_side(results: Results, per_day: float) -> None:
    """One row for each rule, over all scenarios; delays in minutes."""
    title = (
        f"Every rule on the same worlds, {per_day:.0f} probes per seed and day, all routes together"
    )
    table = _table(
        title, "FA a year", "90 %", "median", "p95", "mean", "undetected", "to close", "flaps"
    )
    for name, of_rule in results.items():
        rate, found = false_alarm_rate(of_rule), detections(of_rule)
        close, flaps = closing(found)
        row = (f"{rate.per_year:.2f}", f"{rate.low:.1f}–{rate.high:.1f}", *_minutes(delays(found)))
        table.add_row(name, *row, f"{close:.0f}", f"{flaps:.2f}")
    rates = [false_alarm_rate(of_rule) for of_rule in results.values()]
    years = f"over {rates[0].years:.1f} lane-years without a fault" if rates else ""
    _show(table, f"FA = alarms a lane-year while nothing lasting is wrong, {years}")


def by_kind(results: Results) -> None:
    """Median/p95 of each rule for each kind of fault, in each scenario."""
    rules = list(results)
    table = _table("Median/p95 minutes by scenario and kind of fault", "faults", *rules)
    for kind in sorted({_kind(one) for one in detections(results[rules[0]])}, key=_number):
        found = [[d for d in detections(results[rule]) if _kind(d) == kind] for rule in rules]
        cells = (f"{figures.median:.0f}/{figures.p95:.0f}" for figures in map(delays, found))
        table.add_row(" ".join(kind), str(len(found[0])), *cells)
    _show(table, "720: not detected within 12 hours, or before it was over")


def _kind(one: Detection) -> tuple[str, str]:
    return one.scenario, one.kind


def _number(kind: tuple[str, str]) -> tuple[int, str]:
    return int(kind[0][1:]), kind[1]


def causes(name: str, of_rule: list[Result]) -> None:
    """What was said, for each true cause."""
    found = detections(of_rule)
    said = sorted({cause for row in confusion(found).values() for cause in row})
    table = _table(f"Cause, true (rows) and said: {name}", *said)
    for true, row in sorted(confusion(found).items()):
        table.add_row(true, *(str(row[cause]) for cause in said))
    first, settled = causes_right(found, at_once=True), causes_right(found)
    changes = sum(one.cause_changes for one in found) / max(1, len(found))
    right = f"right: {first:.1%} when opening, {settled:.1%} half an hour later"
    _show(table, f"{right}; {changes:.2f} changes of mind an incident")


def bounds(p1s: Mapping[str, float]) -> None:
    """Lorden's bound for each share of bad probes."""
    table = _table("Lorden's bound at one false alarm a year, rounds of 10 min, 3 seeds", "minutes")
    for name, p1 in p1s.items():
        table.add_row(name, f"{lorden_minutes(p1):.0f}")
    _show(table, "first order; a deadline of 6 minutes is not in it")


def frontier(points: list[Point]) -> None:
    """What a probe buys: each schedule and threshold."""
    table = _table(
        "What probes buy: schedule × opening threshold",
        *("open at", "probes, calm", "under faults", "FA a year", "90 %"),
        *("median", "p95", "mean", "undetected", "primary's median", "fallback's"),
    )
    for point in points:
        rate, found = false_alarm_rate(point.results), detections(point.results)
        routes = [delays(d for d in found if d.route == r) for r in ("primary", "fallback")]
        table.add_row(
            point.schedule,
            f"{point.open_at:.2f}",
            f"{point.per_calm_day:.0f}",
            f"{point.per_day:.0f}",
            f"{rate.per_year:.2f}",
            f"{rate.low:.1f}–{rate.high:.1f}",
            *_minutes(delays(found)),
            *(f"{route.median:.0f}/{route.p95:.0f}" for route in routes),
        )
    goal = "goal: median ≤ 20 at ≤ 130 probes, FA ≤ 1 a year"
    _show(table, f"probes per seed and day, all routes together; {goal}")


def detections(results: list[Result]) -> list[Detection]:
    """Of all worlds."""
    return [one for result in results for one in result.detections]


def _minutes(found: Delays) -> tuple[str, ...]:
    share = f"{found.undetected:.1%}"
    return f"{found.median:.0f}", f"{found.p95:.0f}", f"{found.mean:.0f}", share


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _show(table: Table, footnote: str) -> None:
    console = Console(width=WIDTH)
    console.print(table)
    console.print(footnote, style="dim")
