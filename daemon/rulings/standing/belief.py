"""The filter's state and its three moves: advance by a verdict, correct one, relearn a seed."""

from __future__ import annotations

import struct
from base64 import b85decode, b85encode
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from daemon.rulings.baselines import Baseline
from daemon.rulings.observations import Verdict
from daemon.rulings.standing.cells import (
    Habit,
    HabitStep,
    drift_of,
    first_cells,
    first_habits,
    step_cells,
)
from daemon.rulings.standing.likelihood import likelihood
from daemon.rulings.standing.table import axis, chance, moved, seen, with_seed, without_seed

if TYPE_CHECKING:
    from daemon.rulings.observations import Observation
    from daemon.rulings.standing.cells import Row, Weights
    from daemon.rulings.standing.table import Rows
    from daemon.rulings.thresholds import Thresholds

T = TypeVar("T")

SETTLED = 0.5
"""A seed that is more likely faulty than well teaches its baseline nothing."""
CLOCK_TOLERANCE_S = 3600.0
"""An observation that much older than the standing says that the standing's clock ran ahead."""
MOST_SEEDS = 8
"""A ninth takes the place of the one unseen for longest."""
STILL = HabitStep(0.0, 0.0, 0.0, 0.0)
UNUSED_S = 14 * 86400.0
"""A seed unseen for that long makes room when another comes."""


class Standing(NamedTuple):
    """What is believed of one route × provider at `at` (epoch seconds).

    `rows` is the joint table over `seeds`, in their order; it sums to `whole`, not to 1.
    `stepped` is when each seed's habits were last brought forward.
    """

    at: float
    seeds: tuple[str, ...]
    stepped: tuple[float, ...]
    baselines: tuple[Baseline, ...]
    rows: Rows
    whole: float = 1.0
    p_bad: float = 0.0

    @classmethod
    def new(cls, at: float, thresholds: Thresholds) -> Standing:
        """Before anything was seen."""
        return _summed(cls(at, (), (), (), (first_cells(thresholds),)))

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
        return chance(self.rows, len(self.seeds), place, habit) / self.whole

    def baseline(self, seed: str) -> Baseline:
        """The baseline of one of `seeds`; ValueError for another."""
        return self.baselines[self.seeds.index(seed)]

    def as_json(self) -> list[Any]:
        """Compact and exact: `from_json` continues as if nothing had happened."""
        numbers = [*chain.from_iterable(self.rows)]
        packed = b85encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode()
        return [self.at, self.seeds, self.stepped, self.baselines, packed]

    @classmethod
    def from_json(cls, document: list[Any]) -> Standing:
        """The standing that `as_json` wrote."""
        at, seeds, stepped, baselines, packed = document
        rows: Any = tuple(struct.iter_unpack("<6d", b85decode(packed)))
        known = tuple(Baseline(*counts) for counts in baselines)
        return _summed(cls(at, tuple(seeds), tuple(stepped), known, rows))


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
    baseline = standing.baselines[place]
    weights = likelihood(verdict, baseline, thresholds, late=late)
    stepped = _stepped(standing, place, at, weights, thresholds)
    return _learned(stepped, place, verdict, thresholds, late=late)


def correct(
    standing: Standing,
    seed: str,
    was: tuple[Verdict, bool],
    now: tuple[Verdict, bool],
    thresholds: Thresholds,
) -> Standing:
    """The belief had the verdict been `now` instead of `was`, each (verdict, late).

    Exact when the cells have not changed since; time does not move. A seed that is no longer
    known changes nothing.
    """
    if seed not in standing.seeds:
        return standing
    baseline = standing.baseline(seed)
    old = likelihood(was[0], baseline, thresholds, late=was[1])
    new = likelihood(now[0], baseline, thresholds, late=now[1])
    ratio: Any = tuple(
        tuple(n / o for n, o in zip(*rows, strict=True)) for rows in zip(new, old, strict=True)
    )
    place = standing.seeds.index(seed)
    rows = seen(standing.rows, axis(len(standing.seeds), place), STILL, ratio, 1 / standing.whole)
    return _summed(standing._replace(rows=rows))


def relearn(standing: Standing, seed: str, thresholds: Thresholds) -> Standing:
    """The seed's spam becomes its new normal: what was "flipped" is from now on "well"."""
    place = standing.seeds.index(seed)
    renewed = standing.baselines[place].flipped(thresholds)
    return standing._replace(
        rows=moved(standing.rows, len(standing.seeds), place),
        baselines=_put(standing.baselines, place, renewed),
    )


def _stepped(
    standing: Standing, place: int, at: float, weights: Weights, thresholds: Thresholds
) -> Standing:
    """Every cell brought to `at`, the seen seed's habits as well, and both weighed.

    The other seeds' habits are stepped when they are seen: nothing in between depends on them.
    """
    drift, before = drift_of(thresholds), standing.stepped[place]
    rows = step_cells(standing.rows, drift.cells(max(0.0, at - standing.at)))
    habits = drift.habits(max(0.0, at - before))
    return _summed(
        Standing(
            _clock(standing.at, at),
            standing.seeds,
            _put(standing.stepped, place, _clock(before, at)),
            standing.baselines,
            seen(rows, axis(len(standing.seeds), place), habits, weights, 1 / standing.whole),
        )
    )


def _clock(known: float, at: float) -> float:
    return at if at > known or known - at > CLOCK_TOLERANCE_S else known


def _put(items: tuple[T, ...], place: int, item: T) -> tuple[T, ...]:
    return (*items[:place], item, *items[place + 1 :])


def _summed(standing: Standing) -> Standing:
    _, _, half, spam, missing, _ = sums = [
        sum(column) for column in zip(*standing.rows, strict=True)
    ]
    whole = sum(sums)
    return standing._replace(whole=whole, p_bad=(half + spam + missing) / whole)


def _learned(
    standing: Standing, place: int, verdict: Verdict, thresholds: Thresholds, *, late: bool
) -> Standing:
    """The seed's baseline moves only while neither the route nor the seed is under suspicion."""
    if standing.p_bad > thresholds.suspect_at or verdict is Verdict.UNSENT:
        return standing
    bad = late or verdict in {Verdict.SPAM, Verdict.MISSING}
    if bad and standing.chance(standing.seeds[place], Habit.WELL) < SETTLED:
        return standing
    old = standing.baselines[place]
    missed = late or verdict is Verdict.MISSING
    new = old.miss(thresholds) if missed else old.arrival(thresholds, spam=verdict is Verdict.SPAM)
    return standing._replace(baselines=_put(standing.baselines, place, new))


def _enrolled(standing: Standing, seed: str, at: float, thresholds: Thresholds) -> Standing:
    """The standing with the seed among its seeds; a seed long unseen makes room for a new one."""
    if seed in standing.seeds:
        return standing
    standing = _retired(standing, at)
    rows = with_seed(standing.rows, len(standing.seeds), first_habits(thresholds))
    return _summed(
        standing._replace(
            seeds=(*standing.seeds, seed),
            stepped=(*standing.stepped, at),
            baselines=(*standing.baselines, Baseline(at)),
            rows=rows,
        )
    )


def _retired(standing: Standing, at: float) -> Standing:
    if not standing.seeds:
        return standing
    count, oldest = len(standing.seeds), min(standing.stepped)
    if count < MOST_SEEDS and at - oldest < UNUSED_S:
        return standing
    place = standing.stepped.index(oldest)
    return standing._replace(
        seeds=_cut(standing.seeds, place),
        stepped=_cut(standing.stepped, place),
        baselines=_cut(standing.baselines, place),
        rows=without_seed(standing.rows, count, place),
    )


def _cut(items: tuple[T, ...], place: int) -> tuple[T, ...]:
    return (*items[:place], *items[place + 1 :])
