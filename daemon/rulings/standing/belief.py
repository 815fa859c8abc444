"""The filter's state and its three moves: advance by a verdict, correct one, relearn a seed."""

from __future__ import annotations

import struct
from base64 import b85decode, b85encode
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from daemon.rulings.baselines import Baseline
from daemon.rulings.observations import Verdict
from daemon.rulings.standing.cells import (
    Habit,
    HabitStep,
    drift_of,
    first_cells,
    first_habits,
    habit_step,
    step_cells,
)
from daemon.rulings.standing.likelihood import likelihood
from daemon.rulings.standing.table import (
    Moves,
    Shape,
    axis,
    chance,
    fitted,
    moved,
    seen,
    with_seed,
    without_seed,
)

if TYPE_CHECKING:
    from daemon.rulings.observations import Observation
    from daemon.rulings.standing.cells import Row
    from daemon.rulings.standing.table import Rows
    from daemon.rulings.thresholds import Thresholds

T = TypeVar("T")

SETTLED = 0.5
"""A seed that is more likely faulty than well teaches its baseline nothing."""
CLOCK_TOLERANCE_S = 3600.0
"""An observation that much older than the standing says that the standing's clock ran ahead."""
MOST_SEEDS = 8
"""A ninth takes the place of the one unseen for longest."""
Found: TypeAlias = tuple[Verdict, bool]
"""A verdict, and whether it came after the deadline."""

STILL = HabitStep(0.0, 0.0, 0.0, 0.0)
UNUSED_S = 14 * 86400.0
"""A seed unseen for that long makes room when another comes."""


class Standing(NamedTuple):
    """What is believed of one route × provider at `at` (epoch seconds).

    `rows` is the joint table over `seeds`, of `shape`; it sums to `whole`, not to 1.
    `stepped` is when each seed's habits were last brought forward.
    """

    at: float
    seeds: tuple[str, ...]
    stepped: tuple[float, ...]
    baselines: tuple[Baseline, ...]
    shape: Shape
    rows: Rows
    whole: float
    p_bad: float

    @classmethod
    def new(cls, at: float, thresholds: Thresholds) -> Standing:
        """Before anything was seen."""
        return summed(at, (), (), (), Shape(0, 0), (first_cells(thresholds),))

    def cells(self) -> Row:
        """P(cell), in the order of `Cell`."""
        ok, blip, half, spam, missing, burst = map(sum, zip(*self.rows, strict=True))
        by = 1 / self.whole
        return ok * by, blip * by, half * by, spam * by, missing * by, burst * by

    def chance(self, seed: str, habit: Habit) -> float:
        """P(habit) of a seed; 0 for one never seen."""
        if seed not in self.seeds:
            return 0.0
        place = self.seeds.index(seed)
        return chance(self.rows, self.shape, place, habit) / self.whole

    def baseline(self, seed: str) -> Baseline:
        """The baseline of one of `seeds`; ValueError for another."""
        return self.baselines[self.seeds.index(seed)]

    def as_json(self) -> list[Any]:
        """Compact and exact: `from_json` continues as if nothing had happened."""
        numbers = [*chain.from_iterable(self.rows)]
        packed = b85encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode()
        return [self.at, self.seeds, self.stepped, self.baselines, self.shape.faulty, packed]

    @classmethod
    def from_json(cls, document: list[Any]) -> Standing:
        """The standing that `as_json` wrote."""
        at, seeds, stepped, baselines, faulty, packed = document
        rows: Any = tuple(struct.iter_unpack("<6d", b85decode(packed)))
        known = tuple(Baseline(*counts) for counts in baselines)
        shape = Shape(len(seeds), faulty)
        return summed(at, tuple(seeds), tuple(stepped), known, shape, rows)


def advance(
    standing: Standing, observation: Observation, thresholds: Thresholds, *, late: bool = False
) -> Standing:
    """The belief after one verdict; `late` says that it arrived after its deadline.

    An observation older than the standing is applied without a step in time; one older by more
    than an hour means that the clock had run ahead, and the standing goes on from there. A probe
    that was not observed is no evidence: nothing changes.
    """
    verdict = observation.verdict
    if verdict is Verdict.UNOBSERVED:
        return standing
    at = observation.at.timestamp()
    standing = _enrolled(standing, observation.seed, at, thresholds)
    place = standing.seeds.index(observation.seed)
    stepped = _stepped(standing, place, at, (verdict, late), thresholds)
    return _learned(stepped, place, verdict, thresholds, late=late)


def correct(
    standing: Standing,
    seed: str,
    was: Found,
    now: Found,
    thresholds: Thresholds,
) -> Standing:
    """The belief had `now` been found instead of `was`.

    Exact when the cells have not changed since; time does not move. A seed that is no longer
    known changes nothing.
    """
    if seed not in standing.seeds:
        return standing
    baseline = standing.baseline(seed)
    old = likelihood(*was, *baseline.rates(thresholds), thresholds)
    new = likelihood(*now, *baseline.rates(thresholds), thresholds)
    ratio: Any = tuple(
        tuple(n / o for n, o in zip(*rows, strict=True)) for rows in zip(new, old, strict=True)
    )
    place = standing.seeds.index(seed)
    at, seeds, stepped, baselines, shape, rows, *_ = standing
    rows = seen(rows, axis(shape, place), Moves.of(STILL, ratio))
    return summed(at, seeds, stepped, baselines, shape, rows)


def relearn(standing: Standing, seed: str, thresholds: Thresholds) -> Standing:
    """The seed's spam becomes its new normal: what was "flipped" is from now on "well"."""
    place = standing.seeds.index(seed)
    at, seeds, stepped, baselines, shape, rows, *_ = standing
    renewed = _put(baselines, place, baselines[place].flipped(thresholds))
    return summed(at, seeds, stepped, renewed, shape, moved(rows, shape, place))


def _stepped(
    standing: Standing, place: int, at: float, found: Found, thresholds: Thresholds
) -> Standing:
    """Every cell brought to `at`, the seen seed's habits as well, and both weighed.

    The other seeds' habits are stepped when they are seen: nothing in between depends on them.
    """
    known, seeds, stepped, baselines, shape, rows, whole, _ = standing
    before = stepped[place]
    rows, shape = fitted(rows, shape, whole)
    drifted = step_cells(rows, drift_of(thresholds).cells(max(0.0, at - known)), 1 / whole)
    minutes = min(max(0, round((at - before) / 60)), round(thresholds.seed_step_min))
    moves = _moves(found, baselines[place].rates(thresholds), minutes, thresholds)
    rows = seen(drifted, axis(shape, place), moves)
    stepped = _put(stepped, place, _clock(before, at))
    return summed(_clock(known, at), seeds, stepped, baselines, shape, rows)


@lru_cache(maxsize=8192)
def _moves(found: Found, rates: tuple[float, float], minutes: int, thresholds: Thresholds) -> Moves:
    """Seeds fail so rarely that whole minutes will do, and their steps can be remembered."""
    return Moves.of(habit_step(minutes, thresholds), likelihood(*found, *rates, thresholds))


def _clock(known: float, at: float) -> float:
    return at if at > known or known - at > CLOCK_TOLERANCE_S else known


def _put(items: tuple[T, ...], place: int, item: T) -> tuple[T, ...]:
    return (*items[:place], item, *items[place + 1 :])


def summed(
    at: float,
    seeds: tuple[str, ...],
    stepped: tuple[float, ...],
    baselines: tuple[Baseline, ...],
    shape: Shape,
    rows: Rows,
) -> Standing:
    """The standing with its sums: everything that builds one goes through here."""
    ok, blip, half, spam, missing, burst = map(sum, zip(*rows, strict=True))
    bad = half + spam + missing
    whole = ok + blip + bad + burst
    return Standing(at, seeds, stepped, baselines, shape, rows, whole, bad / whole)


def _learned(
    standing: Standing, place: int, verdict: Verdict, thresholds: Thresholds, *, late: bool
) -> Standing:
    """The seed's baseline moves only while neither the route nor the seed is under suspicion."""
    at, seeds, stepped, baselines, shape, rows, whole, p_bad = standing
    if p_bad > thresholds.suspect_at or verdict is Verdict.UNSENT:
        return standing
    spam, missed = verdict is Verdict.SPAM, late or verdict is Verdict.MISSING
    if (spam or missed) and standing.chance(seeds[place], Habit.WELL) < SETTLED:
        return standing
    old = baselines[place]
    new = old.miss(thresholds) if missed else old.arrival(thresholds, spam=spam)
    baselines = _put(baselines, place, new)
    return Standing(at, seeds, stepped, baselines, shape, rows, whole, p_bad)


def _enrolled(standing: Standing, seed: str, at: float, thresholds: Thresholds) -> Standing:
    """The standing with the seed among its seeds; a seed long unseen makes room for a new one."""
    if seed in standing.seeds:
        return standing
    standing = _retired(standing, at)
    known, seeds, stepped, baselines, shape, rows, *_ = standing
    rows, shape = with_seed(rows, shape, first_habits(thresholds))
    return summed(known, (*seeds, seed), (*stepped, at), (*baselines, Baseline(at)), shape, rows)


def _retired(standing: Standing, at: float) -> Standing:
    known, seeds, stepped, baselines, shape, rows, *_ = standing
    oldest = min(stepped, default=at)
    if len(seeds) < MOST_SEEDS and at - oldest < UNUSED_S:
        return standing
    place = stepped.index(oldest)
    rows, shape = without_seed(rows, shape, place)
    kept = _cut(seeds, place), _cut(stepped, place), _cut(baselines, place)
    return summed(known, *kept, shape, rows)


def _cut(items: tuple[T, ...], place: int) -> tuple[T, ...]:
    return (*items[:place], *items[place + 1 :])
