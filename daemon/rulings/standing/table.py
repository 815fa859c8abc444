"""The joint table: one row of cells for each combination of the seeds' habits.

The loops are written out, and rows are plain tuples, because every probe passes through here.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from daemon.rulings.standing.cells import Habit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from daemon.rulings.standing.cells import HabitStep, Row, Weights

MOST_FAULTY = 3
"""More seeds at one provider are not thought faulty at the same time."""

Rows: TypeAlias = tuple["Row", ...]
Combination: TypeAlias = tuple[int, ...]
Pick: TypeAlias = "Callable[[Sequence[Row]], Rows]"


class Axis(NamedTuple):
    """How the rows lie along one seed: `shared` rows of each habit, then those that stand alone."""

    sort: Pick
    restore: Pick
    shared: int


@lru_cache(maxsize=32)
def combinations(seeds: int) -> tuple[Combination, ...]:
    """The rows' meaning, in order: the habit of each seed."""
    return tuple(c for c in product(range(3), repeat=seeds) if _faulty(c) <= MOST_FAULTY)


def _faulty(combination: Combination) -> int:
    return sum(habit != Habit.WELL for habit in combination)


@lru_cache(maxsize=64)
def axis(seeds: int, place: int) -> Axis:
    """The rows along the seed at `place`: well, flipped and locked ones in step with each other.

    Rows in which as many others are faulty as may be stand alone: their seed stays well.
    """
    rows = combinations(seeds)
    number = {combination: i for i, combination in enumerate(rows)}
    well = [c for c in rows if c[place] == Habit.WELL]
    full = [c for c in well if _faulty(c) == MOST_FAULTY]
    shared = [c for c in well if _faulty(c) < MOST_FAULTY]
    order = [number[(*c[:place], habit, *c[place + 1 :])] for habit in Habit for c in shared] + [
        number[c] for c in full
    ]
    back = sorted(range(len(order)), key=order.__getitem__)
    return Axis(itemgetter(*order), itemgetter(*back), len(shared))


def seen(rows: Sequence[Row], along: Axis, step: HabitStep, weights: Weights, scale: float) -> Rows:
    """One seed's habits stepped, weighed by what was seen of it, and times `scale`."""
    flips, locks, unflips, unlocks = step
    n, ordered = along.shared, along.sort(rows)
    well, flipped, locked = ordered[:n], ordered[n : 2 * n], ordered[2 * n : 3 * n]
    by_well, by_flipped, by_locked = (_times(row, scale) for row in weights)
    back = _times(by_well, 1 - flips - locks), _times(by_well, unflips), _times(by_well, unlocks)
    new = _three(well, flipped, locked, back)
    new += _two(well, flipped, _times(by_flipped, flips), _times(by_flipped, 1 - unflips))
    new += _two(well, locked, _times(by_locked, locks), _times(by_locked, 1 - unlocks))
    new += _one(ordered[3 * n :], by_well)
    return along.restore(new)


def _times(row: Row, factor: float) -> Row:
    a, b, c, d, e, f = row
    return (a * factor, b * factor, c * factor, d * factor, e * factor, f * factor)


def _one(rows: Rows, by: Row) -> list[Row]:
    a, b, c, d, e, f = by
    return [(u * a, v * b, w * c, x * d, y * e, z * f) for u, v, w, x, y, z in rows]


def _two(first: Rows, second: Rows, by: Row, by_second: Row) -> list[Row]:
    a, b, c, d, e, f = by
    g, h, i, j, k, m = by_second
    return [
        (u * a + o * g, v * b + p * h, w * c + q * i, x * d + r * j, y * e + s * k, z * f + t * m)
        for (u, v, w, x, y, z), (o, p, q, r, s, t) in zip(first, second, strict=True)
    ]


def _three(first: Rows, second: Rows, third: Rows, by: Weights) -> list[Row]:
    a, b, c, d, e, f = by[2]
    return [
        (u + o * a, v + p * b, w + q * c, x + r * d, y + s * e, z + t * f)
        for (u, v, w, x, y, z), (o, p, q, r, s, t) in zip(
            _two(first, second, by[0], by[1]), third, strict=True
        )
    ]


def chance(rows: Rows, seeds: int, place: int, habit: Habit) -> float:
    """The share of the rows in which the seed at `place` has that habit; not normalised."""
    meant = zip(combinations(seeds), rows, strict=True)
    return sum(sum(row) for combination, row in meant if combination[place] == habit)


def with_seed(rows: Rows, seeds: int, habits: Sequence[float]) -> Rows:
    """The table of `seeds` seeds with one more at the end, whose habits have these chances."""
    known = dict(zip(combinations(seeds), rows, strict=True))
    return tuple(
        _times(known[combination[:-1]], habits[combination[-1]])
        for combination in combinations(seeds + 1)
    )


def without_seed(rows: Rows, seeds: int, place: int) -> Rows:
    """The table with the seed at `place` summed out."""
    left: dict[Combination, list[Row]] = {c: [] for c in combinations(seeds - 1)}
    for combination, row in zip(combinations(seeds), rows, strict=True):
        left[(*combination[:place], *combination[place + 1 :])].append(row)
    return tuple(_total(found) for found in left.values())


def moved(rows: Rows, seeds: int, place: int) -> Rows:
    """The table with everything that was "flipped" of the seed at `place` now "well"."""
    number = {c: i for i, c in enumerate(combinations(seeds))}
    new = [*rows]
    for combination, i in number.items():
        if combination[place] == Habit.FLIPPED:
            home = number[(*combination[:place], Habit.WELL, *combination[place + 1 :])]
            new[home] = _total([new[home], new[i]])
            new[i] = (0.0,) * 6
    return tuple(new)


def _total(rows: Iterable[Row]) -> Row:
    a, b, c, d, e, f = (sum(column) for column in zip(*rows, strict=True))
    return (a, b, c, d, e, f)
