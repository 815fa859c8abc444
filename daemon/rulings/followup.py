"""Which probes are worth sending out of turn: after a suspicious verdict, and while in trouble.

A bad verdict asks the other seeds of the same route two minutes later, until the incident opens or
suspicion falls. What is suspected, or stands, asks the shop's other routes to the same provider:
they tell the route's fault from the provider's, and whether a resend would land. Only seeds that
are well are asked, one probe at a time, within each seed's cap for 24 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from daemon.rulings.attribution import LIKELY
from daemon.rulings.standing.cells import Habit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from daemon.rulings.lanes import Lane
    from daemon.rulings.schedule import Key
    from daemon.rulings.thresholds import Thresholds


class Reason(StrEnum):
    """Why a probe is sent out of turn."""

    SUSPICION = "suspicion"
    WITNESS = "witness"


@dataclass(frozen=True, slots=True)
class Followup:
    """A probe to send by `route` to `seed`, at `at` or as soon after as can be."""

    shop: str
    route: str
    provider: str
    seed: str
    at: datetime
    reason: Reason


class Budget(NamedTuple):
    """What was sent already: when last on each (shop, route, seed), and how often to each seed."""

    last_sent: Mapping[Key, datetime]
    sent_last_day: Mapping[str, int]
    cap: int


def followups(
    lanes: Iterable[Lane], now: datetime, budget: Budget, thresholds: Thresholds
) -> list[Followup]:
    """The probes wanted now or soon, the earliest first, each (route, seed) at most once.

    `budget.last_sent` counts probes that are still awaited; a lane whose seed is awaited is asked
    again only once that probe is settled, or should have been. A suspicion to which no verdict has
    been added for long is no reason any more: its mailboxes cannot be read.
    """
    every = list(lanes)
    fresh = now.timestamp() - thresholds.recent_min * 60
    wanted = [
        *_suspicions(every, fresh, budget, thresholds),
        *_witnesses(every, budget, thresholds),
    ]
    left = {seed: budget.cap - sent for seed, sent in budget.sent_last_day.items()}
    chosen: dict[Key, Followup] = {}
    for followup in sorted(wanted, key=lambda f: (f.at, f.reason, f.route, f.seed)):
        key = (followup.shop, followup.route, followup.seed)
        room = left.get(followup.seed, budget.cap)
        if room > 0 and key not in chosen:
            left[followup.seed] = room - 1
            chosen[key] = followup
    return list(chosen.values())


def _suspicions(
    lanes: list[Lane], fresh: float, budget: Budget, thresholds: Thresholds
) -> Iterator[Followup]:
    """The other seeds of a lane whose last verdict was bad; all of them once suspicion stands."""
    for lane in lanes:
        latest = next(reversed(lane.recent.values()), None)
        if latest is None or latest.at < fresh or lane.incident is not None:
            continue
        stands = lane.standing.p_bad >= thresholds.suspect_at
        if not stands and not latest.bad:
            continue
        for seed in _well(lane, thresholds):
            if stands or seed != latest.seed:
                gap = thresholds.follow_gap_min * 60
                at = max(latest.at + gap, _free(lane, seed, budget, thresholds))
                yield _followup(lane, seed, at, Reason.SUSPICION)


def _witnesses(lanes: list[Lane], budget: Budget, thresholds: Thresholds) -> Iterator[Followup]:
    """One seed on each route to a provider in trouble, every so often."""
    for lane in lanes:
        troubles = [
            other
            for other in lanes
            if (other.shop, other.provider) == (lane.shop, lane.provider)
            and (other.incident or (other is not lane and _suspected(other, thresholds)))
        ]
        seeds = _well(lane, thresholds)
        if troubles and seeds:
            yield _witness(lane, troubles, seeds, budget, thresholds)


def _witness(
    lane: Lane, troubles: list[Lane], seeds: list[str], budget: Budget, thresholds: Thresholds
) -> Followup:
    """The seed longest unasked: at once if nothing was sent since the trouble began."""
    asked = {seed: _last(lane, seed, budget) for seed in seeds}
    seed = min(seeds, key=lambda seed: (asked[seed], seed))
    latest = max(asked.values())
    began = min(other.since or other.standing.at for other in troubles)
    known = max(other.standing.at for other in troubles)
    at = known if latest < began else latest + thresholds.witness_min * 60
    return _followup(lane, seed, max(at, _free(lane, seed, budget, thresholds)), Reason.WITNESS)


def _suspected(lane: Lane, thresholds: Thresholds) -> bool:
    return lane.standing.p_bad >= thresholds.suspect_at


def _well(lane: Lane, thresholds: Thresholds) -> list[str]:
    """Seeds with a clean baseline: others would spend probes and tell nothing."""
    standing = lane.standing
    return [
        seed
        for seed, baseline in zip(standing.seeds, standing.baselines, strict=True)
        if baseline.usable(thresholds) and standing.chance(seed, Habit.WELL) >= LIKELY
    ]


def _last(lane: Lane, seed: str, budget: Budget) -> float:
    """When the seed was last sent to on this route, awaited or settled; 0 for never."""
    sent = budget.last_sent.get((lane.shop, lane.route, seed))
    return max(sent.timestamp() if sent else 0.0, _settled(lane, seed))


def _settled(lane: Lane, seed: str) -> float:
    return max((r.sent_at for r in lane.recent.values() if r.seed == seed), default=0.0)


def _free(lane: Lane, seed: str, budget: Budget, thresholds: Thresholds) -> float:
    """From when on the seed may be asked again: one probe at a time."""
    last = _last(lane, seed, budget)
    awaited = last > _settled(lane, seed)
    wait = thresholds.deadline_min if awaited else 0.0
    return last + (wait + thresholds.follow_gap_min) * 60


def _followup(lane: Lane, seed: str, at: float, reason: Reason) -> Followup:
    return Followup(*lane.key, seed, datetime.fromtimestamp(at, UTC), reason)
