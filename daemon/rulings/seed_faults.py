"""A seed at fault: its mailbox is locked, or its own filter has settled on spam.

Each is told once, to the operator, however many routes it shows on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from daemon.rulings.attribution import LIKELY, locked
from daemon.rulings.observations import Verdict
from daemon.rulings.standing import relearn
from daemon.rulings.standing.cells import Habit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.rulings.lanes import Lane, Receipt
    from daemon.rulings.thresholds import Thresholds


class Fault(StrEnum):
    """What is wrong with a seed. `always_spam`: it was so from the first days on."""

    LOCKED = "locked"
    FLIPPED = "flipped"
    ALWAYS_SPAM = "always_spam"


def fault(
    lane: Lane, receipt: Receipt, at_provider: Sequence[Lane], thresholds: Thresholds
) -> Fault | None:
    """What the receipt newly shows of its seed; a flipped one is relearned on the way."""
    if receipt.verdict is Verdict.UNSENT:
        return None
    if receipt.verdict is Verdict.MISSING:
        found = _locked(lane, receipt.seed, at_provider, thresholds)
    else:
        _forgive(lane, receipt, thresholds)
        found = _flipped(lane, receipt, thresholds)
    if found is None or any(receipt.seed in other.told for other in at_provider):
        return None
    lane.told[receipt.seed] = found
    return found


def _locked(
    lane: Lane, seed: str, at_provider: Sequence[Lane], thresholds: Thresholds
) -> Fault | None:
    return Fault.LOCKED if locked(seed, lane, at_provider, thresholds) else None


def _forgive(lane: Lane, receipt: Receipt, thresholds: Thresholds) -> None:
    """Mail in the inbox ends a lock, and in time a pin: its next fault is news again."""
    seed = receipt.seed
    if receipt.verdict is not Verdict.SPAM:
        lane.pinned.pop(seed, None)
        if seed in lane.told and lane.standing.baseline(seed).usable(thresholds):
            del lane.told[seed]


def _flipped(lane: Lane, receipt: Receipt, thresholds: Thresholds) -> Fault | None:
    """Spam that only this seed sees, for long enough."""
    seed, standing = receipt.seed, lane.standing
    if receipt.verdict is not Verdict.SPAM or not standing.baseline(seed).usable(thresholds):
        return None
    if standing.chance(seed, Habit.FLIPPED) < LIKELY:
        lane.pinned.pop(seed, None)
        return None
    since = lane.pinned.setdefault(seed, receipt.at)
    alone = standing.p_bad < thresholds.suspect_at and lane.incident is None
    if not alone or standing.at - since < thresholds.flip_min * 60:
        return None
    was = standing.baseline(seed)
    lane.standing = relearn(standing, seed, thresholds)
    del lane.pinned[seed]
    return Fault.ALWAYS_SPAM if was.learning(standing.at, thresholds) else Fault.FLIPPED
