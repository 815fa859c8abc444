"""The whole reduction: observations in, events out, one lane per shop × route × provider.

Everything it knows is in its lanes, of bounded size; nothing is read but what it is given, so that
the daemon and a replay of its history decide the same.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from daemon.rulings.attribution import LIKELY, Cause, attribute
from daemon.rulings.bounce_evidence import take_in, unsupported
from daemon.rulings.incidents import Event, Happening, incident_event, incident_id, seed_event
from daemon.rulings.lanes import Lane, Receipt, lane_from_json, unauthenticated
from daemon.rulings.observations import Observation, Verdict
from daemon.rulings.seed_faults import fault
from daemon.rulings.standing import Standing, advance, correct
from daemon.rulings.standing.cells import Habit
from daemon.rulings.standing.likelihood import ARRIVED
from daemon.rulings.thresholds import Thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from daemon.rulings.bounce_evidence import OrderBounce
    from daemon.rulings.lanes import LaneKey

__all__ = ["Cause", "Event", "Happening", "Watch"]


class Watch:
    """Follows every lane; `observe` each observation in the order in which it became known."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.lanes: dict[LaneKey, Lane] = {}
        self._at_provider: defaultdict[tuple[str, str], list[Lane]] = defaultdict(list)
        self._on_route: defaultdict[tuple[str, str], list[Lane]] = defaultdict(list)
        self._open: dict[LaneKey, Lane] = {}
        self._changed: dict[LaneKey, Lane] = {}

    def observe(self, observation: Observation) -> list[Event]:
        """What one observation brings to light; a mailbox that was not read says nothing."""
        if observation.verdict is Verdict.UNOBSERVED:
            return []
        lane = self._lane(observation)
        known = lane.recent.get(observation.probe)
        receipt = self._take_in(lane, observation)
        if receipt is None:
            return []
        self._changed[lane.key] = lane
        events = self._seed_fault(lane, receipt, observation.at)
        events += self._moves(lane, observation.at)
        if self._open and receipt.bad and not (known and known.bad):
            events += self._causes(lane, observation.at)
        return events

    def came_back(self, bounce: OrderBounce) -> list[Event]:
        """What a bounce of order mail brings to light; nothing where no probe has been."""
        lane = self.lanes.get(bounce.lane)
        if lane is None or not take_in(lane, bounce, self.thresholds):
            return []
        self._changed[lane.key] = lane
        return self._moves(lane, bounce.at) + self._causes(lane, bounce.at)

    def snapshot(self) -> list[dict[str, Any]]:
        """Every lane as JSON, in the order in which they were first seen."""
        return [lane.as_json() for lane in self.lanes.values()]

    def changed_lanes(self) -> list[dict[str, Any]]:
        """As `snapshot`, but only the lanes that have changed since this was last asked."""
        changed, self._changed = self._changed, {}
        return [lane.as_json() for lane in changed.values()]

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Go on from lanes that were written before."""
        for document in documents:
            self._add(lane_from_json(document))

    def _add(self, lane: Lane) -> Lane:
        self.lanes[lane.key] = lane
        self._at_provider[lane.shop, lane.provider].append(lane)
        self._on_route[lane.shop, lane.route].append(lane)
        if lane.incident:
            self._open[lane.key] = lane
        return lane

    def _lane(self, observation: Observation) -> Lane:
        key = (observation.shop, observation.route, observation.provider)
        lane = self.lanes.get(key)
        if lane is None:
            standing = Standing.new(observation.at.timestamp(), self.thresholds)
            lane = self._add(Lane(key, observation.is_control, standing))
        return lane

    def _take_in(self, lane: Lane, observation: Observation) -> Receipt | None:
        """Believe the observation, or what it corrects; None when it says nothing new."""
        known = lane.recent.get(observation.probe)
        late = self._late(observation)
        if known is None:
            if lane.forgotten(observation.sent_at.timestamp()):
                return None
            lane.standing = advance(lane.standing, observation, self.thresholds, late=late)
        elif observation.verdict not in ARRIVED or known.verdict is observation.verdict:
            return None
        else:
            late = late and known.verdict is not Verdict.UNSENT
            was, now = (known.verdict, known.late), (observation.verdict, late)
            lane.standing = correct(lane.standing, known.seed, was, now, self.thresholds)
        receipt = self._receipt(lane, observation, late=late)
        self._count(lane, receipt, known)
        lane.remember(receipt)
        return receipt

    def _late(self, observation: Observation) -> bool:
        """Whether it arrived, but after its deadline; by the provider's clock, else by ours."""
        if observation.verdict not in ARRIVED:
            return False
        took = observation.latency_s
        if took is None:
            took = (observation.at - observation.sent_at).total_seconds()
        return took > self.thresholds.deadline_min * 60

    def _receipt(self, lane: Lane, observation: Observation, *, late: bool) -> Receipt:
        verdict, seed, standing = observation.verdict, observation.seed, lane.standing
        bad = late or self._speaks(standing, seed, verdict)
        return Receipt(
            observation.probe,
            seed,
            observation.template,
            verdict,
            late,
            bad,
            unauthenticated(observation),
            observation.at.timestamp(),
            observation.sent_at.timestamp(),
        )

    def _speaks(self, standing: Standing, seed: str, verdict: Verdict) -> bool:
        """Whether a verdict speaks against the route rather than against the seed."""
        if verdict is Verdict.UNSENT:
            return True
        if verdict not in {Verdict.SPAM, Verdict.MISSING}:
            return False
        if verdict is Verdict.SPAM and not standing.baseline(seed).usable(self.thresholds):
            return False
        return standing.chance(seed, Habit.WELL) >= LIKELY

    def _count(self, lane: Lane, receipt: Receipt, known: Receipt | None) -> None:
        """Keep the run of good probes, and since when there are bad ones."""
        if receipt.bad:
            lane.straight = 0
            lane.since = min(receipt.sent_at, lane.since or receipt.sent_at)
        elif known is None and receipt.verdict in ARRIVED:
            lane.straight += 1
        if lane.since is not None and lane.incident is None and self._calm(lane):
            lane.since = None

    def _calm(self, lane: Lane) -> bool:
        return lane.standing.p_bad < self.thresholds.calm_below and self._enough(lane)

    def _enough(self, lane: Lane) -> bool:
        """Whether as many probes in a row were good as there are seeds."""
        return lane.straight >= len(lane.standing.seeds)

    def _moves(self, lane: Lane, at: datetime) -> list[Event]:
        """Open or close the lane's incident."""
        p_bad = lane.standing.p_bad
        if lane.incident is None:
            opens = p_bad >= self.thresholds.open_at and not unsupported(lane, self.thresholds)
            return self._open_incident(lane, at) if opens else []
        if p_bad < self.thresholds.close_below and self._enough(lane):
            return [self._close_incident(lane, at)]
        return []

    def _open_incident(self, lane: Lane, at: datetime) -> list[Event]:
        """A seed's fault is no incident of the route."""
        cause = self._cause(lane)
        if cause is Cause.SEED:
            return []
        again = lane.standing.at - lane.closed_at <= self.thresholds.relapse_min * 60
        relapse = lane.closed is not None and again
        lane.incident = lane.closed if relapse else incident_id(lane.key, lane.standing.at)
        lane.cause, self._open[lane.key] = cause, lane
        return [self._event(lane, at, Happening.OPENED, relapse=relapse)]

    def _close_incident(self, lane: Lane, at: datetime) -> Event:
        event = self._event(lane, at, Happening.CLOSED, relapse=False)
        lane.closed, lane.closed_at = lane.incident, lane.standing.at
        lane.incident = lane.cause = lane.since = lane.doubted = None
        del self._open[lane.key]
        return event

    def _causes(self, seen: Lane, at: datetime) -> list[Event]:
        """Causes that look different after a bad probe at this provider, or on this route.

        Good probes only end an incident; by them, what recovers first would change its cause.
        """
        events = []
        for lane in self._open.values():
            near = seen.provider == lane.provider or seen.route == lane.route
            if near and seen.shop == lane.shop and self._reconsidered(lane, seen):
                events.append(self._event(lane, at, Happening.CAUSE, relapse=False))
        return events

    def _reconsidered(self, lane: Lane, seen: Lane) -> bool:
        """Whether the cause is another one now.

        An earlier cause in the order stands at once. A later one only after the lane's own bad
        probes have asked for it for a while: at an outage's end routes recover one by one. What
        has opened is no seed's fault alone.
        """
        was, cause = Cause(lane.cause or Cause.ROUTE), self._cause(lane)
        if cause in {was, Cause.SEED}:
            lane.doubted = None
        elif cause.rank < was.rank or self._doubted_long(lane, seen):
            lane.cause, lane.doubted = cause, None
        self._changed[lane.key] = lane
        return lane.cause != was

    def _doubted_long(self, lane: Lane, seen: Lane) -> bool:
        if seen is not lane or lane.standing.p_bad < self.thresholds.open_at:
            return False
        lane.doubted = lane.standing.at if lane.doubted is None else lane.doubted
        return lane.standing.at - lane.doubted >= self.thresholds.doubt_min * 60

    def _cause(self, lane: Lane) -> Cause:
        return attribute(
            lane,
            self._at_provider[lane.shop, lane.provider],
            self._on_route[lane.shop, lane.route],
            self.thresholds,
        )

    def _seed_fault(self, lane: Lane, receipt: Receipt, at: datetime) -> list[Event]:
        """A seed that is locked or flipped: told once, to the operator."""
        at_provider = self._at_provider[lane.shop, lane.provider]
        found = fault(lane, receipt, at_provider, self.thresholds)
        if found is None:
            return []
        return [seed_event(lane, receipt, found, at)]

    def _event(self, lane: Lane, at: datetime, what: Happening, *, relapse: bool) -> Event:
        at_provider = self._at_provider[lane.shop, lane.provider]
        return incident_event(lane, at_provider, at, what, self.thresholds, relapse=relapse)
