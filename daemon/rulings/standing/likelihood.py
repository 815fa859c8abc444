"""How well each cell and each habit of a seed explain one verdict.

One row for each habit, one column for each cell. A verdict is always weighed against the
seed's own baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.rulings.observations import Verdict

if TYPE_CHECKING:
    from daemon.rulings.standing.cells import Row, Weights
    from daemon.rulings.thresholds import Thresholds

ARRIVED = frozenset({Verdict.INBOX, Verdict.TAB, Verdict.OTHER, Verdict.SPAM})


def likelihood(verdict: Verdict, late: bool, missed: float, spam: float, t: Thresholds) -> Weights:  # noqa: FBT001 - one of what was found
    """P(verdict | cell, habit); `late`: it arrived, but after the deadline.

    `missed` and `spam` are the seed's own rates. A receipt that the relay did not take (`unsent`)
    never came near the seed: the seed's habits cannot explain it, and the route is as bad as if
    the provider had swallowed it. What arrives late has missed its deadline all the same, but from
    a locked mailbox nothing ever comes.
    """
    if verdict is Verdict.UNSENT:
        return (_missing(missed, t),) * 3
    if verdict is Verdict.MISSING:
        return _missing(missed, t), _missing(missed, t), (t.locked_missing,) * 6
    came = _came_late(missed, t) if late else _came_in_time(missed, t)
    if spam > t.always_spam_above:
        return came
    placed = _spam(spam, t) if verdict is Verdict.SPAM else _not_spam(spam, t)
    well, flipped, locked = (_times(*rows) for rows in zip(came, placed, strict=True))
    return well, flipped, locked


def bounce_ratio(t: Thresholds) -> Row:
    """P(order mail comes back by the sender's fault | cell), against a route that is well.

    The same for every habit of every seed: no seed had a part in it. Blips and bursts pass, and
    what they delay does not come back.
    """
    odds = t.bounce_odds
    return (1.0, 1.0, odds, odds, odds, 1.0)


def _missing(missed: float, t: Thresholds) -> Row:
    burst = max(missed, t.burst_missing)
    return (missed, missed, missed, missed, t.outage_missing, burst)


def _came_in_time(missed: float, t: Thresholds) -> Weights:
    row = _rest(_missing(missed, t))
    return row, row, (1 - t.locked_missing,) * 6


def _came_late(missed: float, t: Thresholds) -> Weights:
    row = _missing(missed, t)
    return row, row, (t.locked_missing * t.locked_late,) * 6


def _spam(rate: float, t: Thresholds) -> Weights:
    """P(spam | arrived)."""
    half = rate + t.half_spam * (1 - rate)
    usual = (rate, max(rate, t.blip_spam), half, max(rate, t.full_spam), rate, rate)
    ok, blip, half, spam, missing, burst = (max(chance, t.flipped_spam) for chance in usual)
    return usual, (ok, blip, half, spam, missing, burst), usual


def _not_spam(rate: float, t: Thresholds) -> Weights:
    """P(not spam | arrived)."""
    well, flipped, locked = (_rest(row) for row in _spam(rate, t))
    return well, flipped, locked


def _rest(row: Row) -> Row:
    ok, blip, half, spam, missing, burst = row
    return 1 - ok, 1 - blip, 1 - half, 1 - spam, 1 - missing, 1 - burst


def _times(one: Row, other: Row) -> Row:
    ok, blip, half, spam, missing, burst = (a * b for a, b in zip(one, other, strict=True))
    return ok, blip, half, spam, missing, burst
