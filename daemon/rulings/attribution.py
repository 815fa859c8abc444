"""Whose fault it is: authentication, the provider, a seed, the content, or else the route.

The order matters: each question is only asked when the ones before it were answered with no.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from daemon.rulings.observations import Verdict
from daemon.rulings.standing.cells import Habit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daemon.rulings.lanes import Lane, Receipt
    from daemon.rulings.thresholds import Thresholds

LIKELY = 0.5
"""A seed's habit counts when it is more likely than not."""
LATEST = 3
"""Probes by which a route's state at this moment is told."""
HIT, SPARED = 0.92, 0.01
"""P(bad) of a template that the provider dislikes, and of one that it does not."""


class Cause(StrEnum):
    """Whose fault an incident is."""

    AUTHENTICATION = "authentication"
    PROVIDER = "provider"
    SEED = "seed"
    CONTENT = "content"
    ROUTE = "route"

    @property
    def rank(self) -> int:
        """Its place in the order in which causes are asked for."""
        return _ORDER[self]


_ORDER = {cause: rank for rank, cause in enumerate(Cause)}


def attribute(
    lane: Lane, at_provider: Sequence[Lane], on_route: Sequence[Lane], thresholds: Thresholds
) -> Cause:
    """The cause of a lane's trouble.

    `at_provider`: the shop's lanes at the same provider; `on_route`: those of the same route; the
    lane itself is among both.
    """
    if _failures(lane, on_route, thresholds) >= thresholds.auth_failures:
        return Cause.AUTHENTICATION
    if _provider_is_out(lane, at_provider, on_route):
        return Cause.PROVIDER
    if _one_seed(lane, at_provider, thresholds):
        return Cause.SEED
    needed = 1.0 if lane.cause == Cause.CONTENT else thresholds.content_odds
    return Cause.CONTENT if content_odds(_since(lane)) >= needed else Cause.ROUTE


def _failures(lane: Lane, on_route: Iterable[Lane], thresholds: Thresholds) -> int:
    """Receipts by this route, of tests or of orders, that lately could not prove their author."""
    recent, lanes = lane.standing.at - thresholds.recent_min * 60, list(on_route)
    tests = sum(r.unauthenticated for other in lanes for r in other.receipts(recent))
    orders = (known for other in lanes for known in other.returned if known.at >= recent)
    return tests + sum(known.unauthenticated for known in orders)


def _since(lane: Lane) -> list[Receipt]:
    """What the lane saw since its trouble began."""
    return list(lane.receipts(lane.standing.at if lane.since is None else lane.since))


def _provider_is_out(lane: Lane, at_provider: Sequence[Lane], on_route: Sequence[Lane]) -> bool:
    """Missing on two or more routes, the control among them.

    Without a control route two routes must do, and then only while the route lands elsewhere.
    """
    since = lane.standing.at if lane.since is None else lane.since
    out = [other for other in at_provider if _swallowed(other, since)]
    if lane not in out or len(out) < 2:
        return False
    if any(other.control for other in at_provider):
        return any(other.control for other in out)
    return any(other is not lane and other.straight > 0 for other in on_route)


def _swallowed(lane: Lane, since: float) -> bool:
    """Whether most of the latest probes to seeds that work went missing, one of them since then.

    One bad probe suffices: the trouble next to it makes an accident unlikely. Only the latest
    count, because what was sent as the trouble began may still have come through.
    """
    settled = [r for r in lane.receipts(since) if r.bad or _arrived(r)][-LATEST:]
    missed = sum(receipt.verdict is Verdict.MISSING or receipt.late for receipt in settled)
    return 2 * missed > len(settled)


def _one_seed(lane: Lane, at_provider: Sequence[Lane], thresholds: Thresholds) -> bool:
    """Whether all that went wrong is one seed's fault."""
    seeds = {receipt.seed for receipt in _since(lane) if receipt.bad}
    return len(seeds) == 1 and locked(seeds.pop(), lane, at_provider, thresholds)


def locked(seed: str, lane: Lane, at_provider: Sequence[Lane], thresholds: Thresholds) -> bool:
    """Whether the seed's mailbox takes no mail, rather than the provider.

    It misses on two routes or more (if there are two), and every live peer has received mail
    after its first miss: without that, the first seed to miss in an outage would take the blame.
    """
    misses = _misses(seed, at_provider)
    routes = {route for route, _ in misses}
    if len(misses) < thresholds.lock_misses or len(routes) < min(2, len(at_provider)):
        return False
    peers = _last_arrivals(seed, at_provider, lane.standing.at - thresholds.live_peer_h * 3600)
    first = min(receipt.at for _, receipt in misses)
    if not peers or min(peers.values()) <= first:
        return False
    return lane.standing.chance(seed, Habit.LOCKED) >= LIKELY


def _misses(seed: str, lanes: Iterable[Lane]) -> list[tuple[str, Receipt]]:
    """(route, receipt) of what the seed missed since it last received anything."""
    found = sorted(
        ((lane.route, r) for lane in lanes for r in lane.recent.values() if r.seed == seed),
        key=lambda pair: pair[1].at,
    )
    while any(_arrived(receipt) for _, receipt in found):
        found = found[1:]
    return [pair for pair in found if pair[1].verdict is Verdict.MISSING]


def _last_arrivals(seed: str, lanes: Iterable[Lane], since: float) -> dict[str, float]:
    """When each other seed last received mail, if that was after `since`."""
    latest: dict[str, float] = {}
    for lane in lanes:
        for receipt in lane.recent.values():
            if receipt.seed != seed and _arrived(receipt) and receipt.at >= since:
                latest[receipt.seed] = max(receipt.at, latest.get(receipt.seed, 0.0))
    return latest


def _arrived(receipt: Receipt) -> bool:
    return receipt.verdict not in {Verdict.MISSING, Verdict.UNSENT}


def content_odds(receipts: Iterable[Receipt]) -> float:
    """How much better "some templates, not all" explains the bad ones than "any, at one rate".

    Each template is either disliked or not, at even odds; the one rate is anything from 0 to 1.
    """
    counts: dict[str, list[int]] = {}
    for receipt in receipts:
        counts.setdefault(receipt.template, [0, 0])[receipt.bad] += 1
    hit = [HIT**bad * (1 - HIT) ** good for good, bad in counts.values()]
    spared = [SPARED**bad * (1 - SPARED) ** good for good, bad in counts.values()]
    some = math.prod(h + s for h, s in zip(hit, spared, strict=True))
    some -= math.prod(hit) + math.prod(spared)
    good, bad = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0)
    any_rate = 1 / ((good + bad + 1) * math.comb(good + bad, bad))
    return some * 0.5 ** len(counts) / any_rate
