"""The hidden states of a route × provider and of a seed, and how they drift in time.

Everything fails out of OK and returns to OK; at most one such change within a step is reckoned
with, which steps of at most half an hour allow.
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.rulings.thresholds import Thresholds

YEAR_MIN = 525_600.0
DAY_MIN = 1440.0


class Cell(IntEnum):
    """What a route × provider is doing; the value is its place in a row."""

    OK = 0
    BLIP = 1
    HALF = 2
    SPAM = 3
    MISSING = 4
    BURST = 5


class Habit(IntEnum):
    """What a seed is doing."""

    WELL = 0
    FLIPPED = 1
    LOCKED = 2


Row: TypeAlias = tuple[float, float, float, float, float, float]
"""One number for each cell."""
Weights: TypeAlias = tuple[Row, Row, Row]
"""One row for each habit of a seed."""


class CellStep(NamedTuple):
    """Probabilities of a change of cell within one step."""

    to_blip: float
    to_fault: float
    to_burst: float
    blip_ends: float
    fault_ends: float
    burst_ends: float
    up: float
    down: float


class HabitStep(NamedTuple):
    """Probabilities of a change of habit within one step."""

    flips: float
    locks: float
    unflips: float
    unlocks: float


class Drift:
    """The steps under one set of thresholds, remembered by whole seconds, for seeds by minutes."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._t = thresholds
        self._longest_cell = round(thresholds.cell_step_min * 60)
        self._cells: dict[int, CellStep] = {}

    def cells(self, seconds: float) -> CellStep:
        """The cells' step over `seconds` (≥ 0), or over the longest that counts."""
        whole = min(round(seconds), self._longest_cell)
        step = self._cells.get(whole)
        if step is None:
            step = self._cells[whole] = _cell_step(whole / 60, self._t)
        return step


@lru_cache(maxsize=16)
def drift_of(thresholds: Thresholds) -> Drift:
    """The drift under `thresholds`, built once."""
    return Drift(thresholds)


def _cell_step(minutes: float, t: Thresholds) -> CellStep:
    mixed = 1 - math.exp(-minutes / t.mix_min)
    return CellStep(
        to_blip=t.blip_per_year * minutes / YEAR_MIN,
        to_fault=t.fault_per_year * minutes / YEAR_MIN,
        to_burst=t.burst_per_year * minutes / YEAR_MIN,
        blip_ends=1 - math.exp(-minutes / t.blip_min),
        fault_ends=1 - math.exp(-minutes / t.fault_min),
        burst_ends=1 - math.exp(-minutes / t.burst_min),
        up=t.mix_up * mixed,
        down=t.mix_down * mixed,
    )


def habit_step(minutes: float, t: Thresholds) -> HabitStep:
    """A seed's step over so many minutes, or over the longest that counts."""
    minutes = min(minutes, t.seed_step_min)
    enters = t.seed_fault_per_year * minutes / YEAR_MIN
    return HabitStep(
        flips=enters,
        locks=enters,
        unflips=1 - math.exp(-minutes / (t.flip_days * DAY_MIN)),
        unlocks=1 - math.exp(-minutes / (t.lock_days * DAY_MIN)),
    )


def step_cells(rows: Iterable[Row], step: CellStep, scale: float) -> list[Row]:
    """Every row one step on, times `scale`; written out as the filter's innermost loop."""
    to_blip, to_fault, to_burst, blip_ends, fault_ends, burst_ends, up, down = step
    stays = (1 - to_blip - 3 * to_fault - to_burst) * scale
    blip_stays, fault_stays = (1 - blip_ends) * scale, (1 - fault_ends) * scale
    burst_stays = (1 - burst_ends) * scale
    half_stays, spam_stays = fault_stays * (1 - up), fault_stays * (1 - down)
    up, down = fault_stays * up, fault_stays * down
    to_blip, to_fault, to_burst = to_blip * scale, to_fault * scale, to_burst * scale
    blip_ends, fault_ends, burst_ends = blip_ends * scale, fault_ends * scale, burst_ends * scale
    return [
        (
            ok * stays + blip * blip_ends + (half + spam + gone) * fault_ends + burst * burst_ends,
            ok * to_blip + blip * blip_stays,
            ok * to_fault + half * half_stays + spam * down,
            ok * to_fault + spam * spam_stays + half * up,
            ok * to_fault + gone * fault_stays,
            ok * to_burst + burst * burst_stays,
        )
        for ok, blip, half, spam, gone, burst in rows
    ]


def first_cells(t: Thresholds) -> Row:
    """The belief before anything was seen: each cell by its share of the time."""
    blip = t.blip_per_year * t.blip_min / YEAR_MIN
    fault = t.fault_per_year * t.fault_min / YEAR_MIN
    burst = t.burst_per_year * t.burst_min / YEAR_MIN
    return (1 - blip - 3 * fault - burst, blip, fault, fault, fault, burst)


def first_habits(t: Thresholds) -> tuple[float, float, float]:
    """The belief about a seed never seen before: it has had less time than others to go wrong.

    At the full share, "all seeds have flipped" would explain spam from the very first receipt as
    well as the route does, and whoever begins to watch because he is in trouble would not be told.
    """
    share = t.first_seed_share * t.seed_fault_per_year * DAY_MIN / YEAR_MIN
    flipped, locked = share * t.flip_days, share * t.lock_days
    whole = 1 + flipped + locked
    return (1 / whole, flipped / whole, locked / whole)
