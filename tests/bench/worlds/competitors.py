"""The rules to compare with: what monitors usually do, and the sequential tests of the books."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.worlds.trouble import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.worlds.lane import LaneRule, Seen


class SingleFailure:
    """One bad probe is an alarm."""

    def alarming(self, probe: Seen) -> bool:
        return probe.bad


class LastSix:
    """Six of the last six are bad."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=6)

    def alarming(self, probe: Seen) -> bool:
        self._last.append(probe.bad)
        return len(self._last) == 6 and all(self._last)


class HalfForThirtyMinutes:
    """Half of the seeds' newest probes are bad, and have been for 30 minutes (`for: 30m`)."""

    def __init__(self) -> None:
        self._newest: dict[str, bool] = {}
        self._since = math.inf

    def alarming(self, probe: Seen) -> bool:
        self._newest[probe.seed] = probe.bad
        half = 2 * sum(self._newest.values()) >= max(2, len(self._newest))
        self._since = min(self._since, probe.at) if half else math.inf
        return probe.at - self._since >= 30 * MINUTE


class Ewma:
    """An exponentially weighted share of bad probes above a limit."""

    def __init__(self, weight: float = 0.15, limit: float = 0.6) -> None:
        self._weight, self._limit, self._share = weight, limit, 0.0

    def alarming(self, probe: Seen) -> bool:
        self._share += self._weight * (probe.bad - self._share)
        return self._share >= self._limit


class BurnRate:
    """Multi-window burn rate, after Google's SRE workbook: objective 95 %.

    14.4 times the budget in the last hour and the last 5 minutes, or 6 times in six hours and 30
    minutes. A short window without a probe takes the newest one.
    """

    _WINDOWS = ((HOUR, 5 * MINUTE, 14.4), (6 * HOUR, 30 * MINUTE, 6.0))

    def __init__(self, budget: float = 0.05) -> None:
        self._budget = budget
        self._probes: deque[Seen] = deque()

    def alarming(self, probe: Seen) -> bool:
        self._probes.append(probe)
        while self._probes[0].at < probe.at - 6 * HOUR:
            self._probes.popleft()
        return probe.bad and any(self._burns(probe.at, *window) for window in self._WINDOWS)

    def _burns(self, at: float, long: float, short: float, factor: float) -> bool:
        limit = factor * self._budget
        return self._share(at - short) >= limit and self._share(at - long) >= limit

    def _share(self, since: float) -> float:
        recent = [probe.bad for probe in self._probes if probe.at > since]
        return sum(recent) / len(recent) if len(recent) > 0 else 0.0


@dataclass
class Cusum:
    """Page's CUSUM of one seed: usual share p0, learned in 48 h, against `p1`."""

    p1: float = 0.7
    floor: float = 0.01
    sum: float = 0.0
    began: float | None = None
    seen: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, probe: Seen) -> float:
        """The sum after this probe."""
        self.began = probe.at if self.began is None else self.began
        if probe.at - self.began < 48 * HOUR:
            self.seen[probe.bad] += 1
        p0 = min(0.9 * self.p1, max(self.floor, (self.seen[1] + 0.3) / (sum(self.seen) + 30)))
        ratio = self.p1 / p0 if probe.bad else (1 - self.p1) / (1 - p0)
        self.sum = max(0.0, self.sum + math.log(ratio))
        return self.sum


class AnySeedCusum:
    """The CUSUM of any one seed reaches h, beyond which it does not grow, so that it recovers."""

    def __init__(self, h: float = 8.0) -> None:
        self._h = h
        self._seeds: dict[str, Cusum] = defaultdict(Cusum)

    def alarming(self, probe: Seen) -> bool:
        cusum = self._seeds[probe.seed]
        cusum.sum = min(self._h, cusum.add(probe))
        return any(seed.sum >= self._h for seed in self._seeds.values())


class ClippedSum:
    """The sum of the seeds' CUSUMs, each clipped so that no seed alarms alone."""

    def __init__(self, h: float, clip: float = 8.0) -> None:
        self._h, self._clip = h, clip
        self._seeds: dict[str, Cusum] = defaultdict(Cusum)

    def alarming(self, probe: Seen) -> bool:
        cusum = self._seeds[probe.seed]
        cusum.sum = min(self._clip, cusum.add(probe))
        return sum(seed.sum for seed in self._seeds.values()) >= self._h


COMPETITORS: dict[str, Callable[[], LaneRule]] = {
    "a single bad probe": SingleFailure,
    "6 of the last 6": LastSix,
    "half the seeds for 30m": HalfForThirtyMinutes,
    "EWMA": Ewma,
    "SRE burn rate": BurnRate,
    "CUSUM of any seed": AnySeedCusum,
    "sum of clipped CUSUMs, h = 16": lambda: ClippedSum(16),
    "sum of clipped CUSUMs, h = 20": lambda: ClippedSum(20),
}


def lorden_minutes(p1: float, p0: float = 0.005, every_min: float = 10, seeds: int = 3) -> float:
    """Lorden's first-order bound on the delay of any rule with one false alarm a year."""
    per_minute = seeds / every_min
    arl = 365 * 1440 * per_minute
    information = p1 * math.log(p1 / p0) if p1 else 0.0
    information += (1 - p1) * math.log((1 - p1) / (1 - p0)) if p1 < 1 else 0.0
    return math.log(arl) / information / per_minute
