"""A world in which suspicion asks for probes: what is sent depends on what was seen.

The steady probes go out as planned; after each observation `followups` is asked what it wants of
the same provider's lanes, and asked again when that is due. A seed's cap for 24 hours binds both.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from daemon.rulings.followup import Budget, followups
from tests.bench.worlds.running import running
from tests.bench.worlds.score import judge
from tests.bench.worlds.trouble import DAY
from tests.bench.worlds.world import BEGAN, SHOP

if TYPE_CHECKING:
    from daemon.rulings.lanes import Lane
    from daemon.rulings.observations import Observation
    from daemon.rulings.schedule import Key
    from tests.bench.worlds.ours import Ours
    from tests.bench.worlds.schedules import Send
    from tests.bench.worlds.score import Result, Said
    from tests.bench.worlds.trouble import Channel
    from tests.bench.worlds.world import World

Waiting = tuple[float, int, "Observation | str"]
"""When, a number that breaks ties, and a line that becomes known or a provider to look at."""


class Reaction:
    """One run of the daemon's rule and its follow-ups in one world."""

    def __init__(self, world: World, rule: Ours, cap: int) -> None:
        self._world, self._rule, self._cap = world, rule, cap
        self._waiting: list[Waiting] = []
        self._turn = count()
        self._said: Said = []
        self._woken: dict[str, float] = {}
        self._last_sent: dict[Key, datetime] = {}
        self._day: dict[str, deque[float]] = defaultdict(deque)
        self._sent = 0

    def run(self, steady: list[Send]) -> tuple[Result, float]:
        """What was said, judged; and probes per seed and day, all routes together."""
        for sent, channel in steady:
            self._until(sent)
            self._send(sent, channel)
        self._until(self._world.days * DAY)
        seeds = len(self._day)
        return judge(self._world, self._said), self._sent / seeds / self._world.days

    def _until(self, now: float) -> None:
        """Everything that becomes known before `now`."""
        while self._waiting and self._waiting[0][0] < now:
            at, _, what = heapq.heappop(self._waiting)
            if isinstance(what, str):
                self._plan(what, at)
                continue
            self._said += [(at, alarm) for alarm in self._rule.observe(what)]
            self._plan(what.provider, at)

    def _send(self, sent: int, channel: Channel) -> None:
        route, _, seed = channel
        if not running(self._world, sent) or self._spent(seed, sent) >= self._cap:
            return
        self._sent += 1
        self._day[seed].append(sent)
        self._last_sent[SHOP, route, seed] = _clock(sent)
        for at, line in self._world.outcome(sent, channel):
            heapq.heappush(self._waiting, (at, next(self._turn), line))

    def _spent(self, seed: str, now: float) -> int:
        """Probes to the seed in the last 24 hours."""
        day = self._day[seed]
        while day and day[0] <= now - DAY:
            day.popleft()
        return len(day)

    def _plan(self, provider: str, now: float) -> None:
        """Send what is due, and look again when the next is."""
        lanes = [lane for key, lane in self._rule.watch.lanes.items() if key[2] == provider]
        if not any(map(self._unsettled, lanes)):
            return
        spent = {seed: self._spent(seed, now) for seed in lanes[0].standing.seeds}
        budget = Budget(self._last_sent, spent, self._cap)
        clock, thresholds = _clock(now), self._rule.watch.thresholds
        for wanted in followups(lanes, clock, budget, thresholds):
            at = math.ceil(wanted.at.timestamp() - BEGAN)
            if at <= now:
                self._send(math.ceil(now), (wanted.route, wanted.provider, wanted.seed))
            else:
                self._wake(provider, at, now)

    def _unsettled(self, lane: Lane) -> bool:
        """Whether the lane may want anything: a short cut, for calm is the rule."""
        if lane.incident or lane.standing.p_bad >= self._rule.watch.thresholds.suspect_at:
            return True
        latest = next(reversed(lane.recent.values()), None)
        return latest is not None and latest.bad

    def _wake(self, provider: str, at: float, now: float) -> None:
        """Look at a provider again, unless that is going to happen sooner."""
        known = self._woken.get(provider, 0.0)
        if not now < known <= at:
            self._woken[provider] = at
            heapq.heappush(self._waiting, (at, next(self._turn), provider))


def _clock(now: float) -> datetime:
    return datetime.fromtimestamp(BEGAN + now, UTC)
