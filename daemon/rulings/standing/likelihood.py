"""How well each cell and each habit of a seed explain one verdict.

One row for each habit, one column for each cell. A verdict is always weighed against the
seed's own baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.rulings.observations import Verdict

if TYPE_CHECKING:
    from daemon.rulings.baselines import Baseline
    from daemon.rulings.standing.cells import Row, Weights
    from daemon.rulings.thresholds import Thresholds

ARRIVED = frozenset({Verdict.INBOX, Verdict.TAB, Verdict.OTHER, Verdict.SPAM})


def likelihood(verdict: Verdict, baseline: Baseline, t: Thresholds, *, late: bool) -> Weights:
    """P(verdict | cell, habit); `late`: it arrived, but after the deadline.

    A receipt that the relay did not take (`unsent`) never came near the seed: the seed's habits
    cannot explain it, and the route is as bad as if the provider had swallowed it. What arrives
    late has missed its deadline all the same, but from a locked mailbox nothing ever comes.
    """
    missed = baseline.missing_rate(t)
    if verdict is Verdict.UNSENT:
        row = _missing(missed, t)
        return row, row, row
    if verdict is Verdict.MISSING:
        row = _missing(missed, t)
        return row, row, (t.locked_missing,) * 6
    came = _came_late(missed, t) if late else _came_in_time(missed, t)
    if not baseline.usable(t):
        return came
    return _placed(came, verdict is Verdict.SPAM, baseline.spam_rate(t), t)


def _missing(missed: float, t: Thresholds) -> Row:
    burst = max(missed, t.burst_missing)
    return (missed, missed, missed, missed, t.outage_missing, burst)


def _came_in_time(missed: float, t: Thresholds) -> Weights:
    came = 1 - missed
    row = (came, came, came, came, 1 - t.outage_missing, min(came, 1 - t.burst_missing))
    return row, row, (1 - t.locked_missing,) * 6


def _came_late(missed: float, t: Thresholds) -> Weights:
    row = _missing(missed, t)
    return row, row, (t.locked_missing * t.locked_late,) * 6


def _placed(came: Weights, spam: bool, rate: float, t: Thresholds) -> Weights:  # noqa: FBT001 - positional for speed
    well, flipped, locked = came
    half = rate + t.half_spam * (1 - rate)
    usual = (rate, max(rate, t.blip_spam), half, max(rate, t.full_spam), rate, rate)
    pinned = max(rate, t.flipped_spam)
    if spam:
        worse = tuple(c * max(r, pinned) for c, r in zip(flipped, usual, strict=True))
        weights = usual
    else:
        worse = tuple(c * (1 - max(r, pinned)) for c, r in zip(flipped, usual, strict=True))
        weights = tuple(1 - r for r in usual)  # type: ignore[assignment] # six as well
    return _times(well, weights), worse, _times(locked, weights)  # type: ignore[return-value]


def _times(one: Row, other: Row) -> Row:
    return tuple(a * b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]
