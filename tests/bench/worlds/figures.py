"""From detections to the figures of a table: median, p95, mean, undetected, causes right."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.worlds.score import UNDETECTED_MIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.bench.worlds.score import Detection


@dataclass(frozen=True, slots=True)
class Delays:
    """Minutes; a fault that went undetected counts as 720."""

    count: int
    median: float
    p95: float
    mean: float
    undetected: float

    def __str__(self) -> str:
        return f"{self.median:.0f}/{self.p95:.0f}/{self.mean:.0f}"


def delays(detections: Iterable[Detection]) -> Delays:
    """Over all of them; nan without any."""
    found = [one.delay_min for one in detections]
    minutes = sorted(UNDETECTED_MIN if one is None else one for one in found)
    if not minutes:
        nan = float("nan")
        return Delays(0, nan, nan, nan, nan)
    return Delays(
        count=len(minutes),
        median=statistics.median(minutes),
        p95=quantile(minutes, 0.95),
        mean=statistics.fmean(minutes),
        undetected=found.count(None) / len(found),
    )


def quantile(ordered: list[float], share: float) -> float:
    """Interpolated between the two nearest."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def causes_right(detections: Iterable[Detection], *, at_once: bool = False) -> float:
    """Share of the detected whose cause is among the right ones, settled or as first said."""
    named = [(one.first_cause if at_once else one.cause, one.right) for one in detections]
    told = [cause in right for cause, right in named if cause is not None]
    return sum(told) / len(told) if told else float("nan")


def confusion(detections: Iterable[Detection]) -> dict[str, Counter[str]]:
    """True cause (the best answer) → what was said → how often."""
    table: dict[str, Counter[str]] = {}
    for one in detections:
        if one.delay_min is not None and one.cause is not None:
            table.setdefault(one.right[0], Counter())[one.cause] += 1
    return table


def closing(detections: Iterable[Detection]) -> tuple[float, float]:
    """Median minutes from the fault's end to the closing; flaps per fault."""
    listed = list(detections)
    minutes = [one.close_min for one in listed if one.close_min is not None]
    flaps = sum(one.flaps for one in listed) / len(listed) if listed else float("nan")
    return statistics.median(minutes) if minutes else float("nan"), flaps
