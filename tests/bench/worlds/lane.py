"""One lane (route × provider) and a rule that watches it.

It knows only whether each probe was bad: in spam, or not there at its deadline. All rules close
alike, after K good probes in a row, when they no longer alarm; and none is plagued with a seed
that was bad more than 30 % of its first two days.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from daemon.rulings.observations import Verdict
from tests.bench.worlds.alarms import Alarm
from tests.bench.worlds.trouble import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.rulings.observations import Observation

BAD = frozenset({Verdict.SPAM, Verdict.MISSING})
SAYS_NOTHING = frozenset({Verdict.UNOBSERVED, Verdict.UNSENT})
MISSED_BEFORE = 7 * MINUTE
"""A probe seen later than this has already counted at its deadline."""


class Seen(NamedTuple):
    """One probe, as a rule sees it; `at` in seconds."""

    at: float
    seed: str
    bad: bool


class LaneRule(Protocol):
    """Whether the lane alarms after this probe."""

    def alarming(self, probe: Seen) -> bool: ...


@dataclass
class _Enrolment:
    """The first 48 hours of a seed."""

    began: float
    probes: int = 0
    bad: int = 0

    def hopeless(self, probe: Seen) -> bool:
        """Whether the seed is out, once its enrolment is over."""
        if probe.at - self.began < 48 * HOUR:
            self.probes += 1
            self.bad += probe.bad
            return False
        return self.bad > 0.3 * self.probes


@dataclass
class _Lane:
    rule: LaneRule
    open: bool = False
    good: int = 0
    seeds: dict[str, _Enrolment] = field(default_factory=dict)

    def fit(self, probe: Seen) -> bool:
        """Whether its seed says anything."""
        enrolment = self.seeds.setdefault(probe.seed, _Enrolment(probe.at))
        return not enrolment.hopeless(probe)


class PerLane:
    """Runs a lane rule on every route × provider."""

    def __init__(self, make: Callable[[], LaneRule], seeds: int = 3) -> None:
        self._lanes: dict[tuple[str, str], _Lane] = defaultdict(lambda: _Lane(make()))
        self._seeds = seeds

    def observe(self, observation: Observation) -> list[Alarm]:
        """Opened or closed, or nothing."""
        if observation.verdict in SAYS_NOTHING or _corrects(observation):
            return []
        place = (observation.route, observation.provider)
        lane, bad = self._lanes[place], observation.verdict in BAD
        probe = Seen(observation.at.timestamp(), observation.seed, bad)
        if not lane.fit(probe):
            return []
        lane.good = 0 if bad else lane.good + 1
        alarming = lane.rule.alarming(probe)
        was, lane.open = lane.open, alarming or (lane.open and lane.good < self._seeds)
        if lane.open == was:
            return []
        return [Alarm("opened" if lane.open else "closed", *place)]

    def restart(self) -> None:
        """Its memory is its own affair: a competitor is granted that it forgets nothing."""


def _corrects(observation: Observation) -> bool:
    return (observation.latency_s or 0) > MISSED_BEFORE
