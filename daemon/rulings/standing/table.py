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
WIDEN, NARROW = 3e-4, 1e-4
"""With that much belief in n faulty seeds (or in n - 1 and n), n + 1 are reckoned with (or not)."""

Rows: TypeAlias = tuple["Row", ...]
Combination: TypeAlias = tuple[int, ...]
Pick: TypeAlias = "Callable[[Sequence[Row]], Rows]"
NOTHING: Row = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Shape(NamedTuple):
    """Which rows a table has: for so many `seeds`, up to `faulty` of them faulty at once.

    Narrower tables are the beginnings of wider ones.
    """

    seeds: int
    faulty: int


class Axis(NamedTuple):
    """How the rows lie along one seed: `shared` rows of each habit, then those that stand alone."""

    sort: Pick
    restore: Pick
    shared: int


@lru_cache(maxsize=64)
def combinations(shape: Shape) -> tuple[Combination, ...]:
    """The rows' meaning, in order: the habit of each seed."""
    every = sorted(product(range(3), repeat=shape.seeds), key=_faulty)
    return tuple(combination for combination in every if _faulty(combination) <= shape.faulty)


def _faulty(combination: Combination) -> int:
    return sum(habit != Habit.WELL for habit in combination)


@lru_cache(maxsize=256)
def axis(shape: Shape, place: int) -> Axis:
    """The rows along the seed at `place`: well, flipped and locked ones in step with each other.

    Rows in which as many others are faulty as may be stand alone: their seed stays well.
    """
    rows = combinations(shape)
    number = {combination: i for i, combination in enumerate(rows)}
    well = [c for c in rows if c[place] == Habit.WELL]
    alone = [number[c] for c in well if _faulty(c) == shape.faulty]
    shared = [c for c in well if _faulty(c) < shape.faulty]
    order = [number[(*c[:place], habit, *c[place + 1 :])] for habit in Habit for c in shared]
    order += alone
    back = sorted(range(len(order)), key=order.__getitem__)
    return Axis(itemgetter(*order), itemgetter(*back), len(shared))


def fitted(rows: Rows, shape: Shape, whole: float) -> tuple[Rows, Shape]:
    """The table as wide as the belief in faulty seeds asks for.

    The outermost rows hold the combinations with the most faulty seeds. Once they matter, the next
    ones are added, empty: they fill at the rate at which seeds fail.
    """
    seeds, faulty = shape
    sizes = widths(seeds)
    if faulty < len(sizes) - 1 and _beyond(rows, sizes[faulty - 1], whole) > WIDEN * whole:
        return rows + (NOTHING,) * (sizes[faulty + 1] - len(rows)), Shape(seeds, faulty + 1)
    if faulty > 1 and _beyond(rows, sizes[faulty - 2], whole) < NARROW * whole:
        return rows[: sizes[faulty - 1]], Shape(seeds, faulty - 1)
    return rows, shape


@lru_cache(maxsize=16)
def widths(seeds: int) -> tuple[int, ...]:
    """The number of rows of a table with up to 0, 1, … seeds faulty."""
    most = min(seeds, MOST_FAULTY)
    return tuple(len(combinations(Shape(seeds, faulty))) for faulty in range(most + 1))


def _beyond(rows: Rows, inner: int, whole: float) -> float:
    """What the rows after the first `inner` ones sum to."""
    return whole - sum([sum(row) for row in rows[:inner]])


class Moves(NamedTuple):
    """What the rows along a seed are multiplied by, on their way from one habit to another.

    Each is how well the new habit explains what was seen, times the chance of the change.
    """

    stays: Row
    unflips: Row
    unlocks: Row
    flips: Row
    flip_stays: Row
    locks: Row
    lock_stays: Row
    alone: Row

    @classmethod
    def of(cls, step: HabitStep, weights: Weights) -> Moves:
        """The moves of one step, weighed by one verdict."""
        flips, locks, unflips, unlocks = step
        well, flipped, locked = weights
        return cls(
            _times(well, 1 - flips - locks),
            _times(well, unflips),
            _times(well, unlocks),
            _times(flipped, flips),
            _times(flipped, 1 - unflips),
            _times(locked, locks),
            _times(locked, 1 - unlocks),
            well,
        )


def seen(rows: Sequence[Row], along: Axis, moves: Moves) -> Rows:
    """One seed's habits stepped, and weighed by what was seen of it."""
    sort, restore, n = along
    stays, unflips, unlocks, flips, flip_stays, locks, lock_stays, alone = moves
    ordered = sort(rows)
    well, flipped, locked = ordered[:n], ordered[n : 2 * n], ordered[2 * n : 3 * n]
    new = _three(well, flipped, locked, (stays, unflips, unlocks))
    new += _two(well, flipped, flips, flip_stays)
    new += _two(well, locked, locks, lock_stays)
    new += _one(ordered[3 * n :], alone)
    return restore(new)


def weighed(rows: Sequence[Row], by: Row) -> Rows:
    """Every row weighed by something that no seed had a part in."""
    return tuple(_one(tuple(rows), by))


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


def chance(rows: Rows, shape: Shape, place: int, habit: Habit) -> float:
    """The share of the rows in which the seed at `place` has that habit; not normalised."""
    meant = zip(combinations(shape), rows, strict=True)
    return sum(sum(row) for combination, row in meant if combination[place] == habit)


def with_seed(rows: Rows, shape: Shape, habits: Sequence[float]) -> tuple[Rows, Shape]:
    """The table with one more seed at the end, whose habits have these chances; at its widest."""
    wide = Shape(shape.seeds + 1, len(widths(shape.seeds + 1)) - 1)
    known = dict(zip(combinations(shape), rows, strict=True))
    grown = tuple(
        _times(known.get(combination[:-1], NOTHING), habits[combination[-1]])
        for combination in combinations(wide)
    )
    return grown, wide


def without_seed(rows: Rows, shape: Shape, place: int) -> tuple[Rows, Shape]:
    """The table with the seed at `place`, one of several, summed out."""
    left = Shape(shape.seeds - 1, min(shape.faulty, shape.seeds - 1))
    found: dict[Combination, list[Row]] = {c: [] for c in combinations(left)}
    for combination, row in zip(combinations(shape), rows, strict=True):
        found[(*combination[:place], *combination[place + 1 :])].append(row)
    return tuple(_total(same) for same in found.values()), left


def moved(rows: Rows, shape: Shape, place: int) -> Rows:
    """The table with everything that was "flipped" of the seed at `place` now "well"."""
    number = {c: i for i, c in enumerate(combinations(shape))}
    new = [*rows]
    for combination, i in number.items():
        if combination[place] == Habit.FLIPPED:
            home = number[(*combination[:place], Habit.WELL, *combination[place + 1 :])]
            new[home] = _total([new[home], new[i]])
            new[i] = NOTHING
    return tuple(new)


def _total(rows: Iterable[Row]) -> Row:
    a, b, c, d, e, f = (sum(column) for column in zip(*rows, strict=True))
    return (a, b, c, d, e, f)
