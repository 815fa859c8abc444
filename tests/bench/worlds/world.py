"""A public world: what becomes of a probe sent at any second by any route to any seed."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from daemon.rulings.observations import Observation, Verdict
from tests.bench.worlds.chance import draws
from tests.bench.worlds.nuisance import Habit, habit, of_channel
from tests.bench.worlds.trouble import DAY, HOUR, MINUTE, Channel, Fault, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGAN = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
SHOP = "demo"
CONTROL = "control"
ROUTES = ("primary", "fallback", CONTROL)
PROVIDERS = ("gmail", "outlook", "yahoo")
TEMPLATES = ("t1", "t2", "t3", "t4")
DEADLINE = 6 * MINUTE
LEARNING = 2 * DAY
LOOKED_FOR = 2 * DAY
SLUGGISH = 0.0015
"""Share of mail that takes longer than the deadline for no reason."""

_normal = NormalDist().inv_cdf


@dataclass(frozen=True, slots=True)
class Clock:
    """The daemon's clock is wrong by `error_s` from `start` to `end`."""

    start: float
    end: float
    error_s: float


@dataclass(frozen=True)
class World:
    """One world by its number and scenario; `down` are spans in which the daemon did not run."""

    number: int
    scenario: str
    days: float
    faults: tuple[Fault, ...] = ()
    routes: tuple[str, ...] = ROUTES
    seeds: int = 3
    down: tuple[tuple[float, float], ...] = ()
    clocks: tuple[Clock, ...] = ()
    extra: Mapping[Channel, tuple[Trouble, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What every random number of this world is keyed by."""
        return f"{self.scenario}-{self.number}"

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Every route to every seed."""
        numbers = range(1, self.seeds + 1)
        return tuple((r, p, f"{p}-{k}") for r in self.routes for p in PROVIDERS for k in numbers)

    @cached_property
    def _habits(self) -> dict[Channel, Habit]:
        return {channel: habit(self.name, channel) for channel in self.channels}

    @cached_property
    def _troubles(self) -> dict[Channel, dict[int, list[Trouble]]]:
        """By hour, so that a probe looks at the few that may touch it."""
        return {channel: self._by_hour(channel) for channel in self.channels}

    def _by_hour(self, channel: Channel) -> dict[int, list[Trouble]]:
        hours: dict[int, list[Trouble]] = defaultdict(list)
        faults = (fault.trouble for fault in self.faults if fault.hits(*channel[:2]))
        nuisance = of_channel(self.name, channel, self.days)
        for trouble in (*nuisance, *faults, *self.extra.get(channel, ())):
            last = int(min(trouble.end, self.days * DAY) // HOUR)
            for hour in range(int(trouble.start // HOUR), last + 1):
                hours[hour].append(trouble)
        return hours

    def outcome(self, sent: int, channel: Channel) -> list[tuple[float, Observation]]:
        """The lines that a probe sent at second `sent` leads to, each with its true time."""
        found = draws(f"{self.name}|{sent}|{channel}")
        template = TEMPLATES[int(found[0] * 4)]
        hour = self._troubles[channel].get(sent // 3600, ())
        active = [t for t in hour if t.touches(sent, template)]
        fate = _fate(self._habits[channel], active, sent, found)
        return [self._line(sent, channel, template, step) for step in fate]

    def _line(
        self, sent: int, channel: Channel, template: str, step: _Step
    ) -> tuple[float, Observation]:
        at = self._awake(step.at) if self.down else step.at
        arrived = step.verdict in _ARRIVED
        mark = ("fail" if step.broken else "pass") if arrived else None
        observation = Observation(
            at=self._stamp(at),
            probe=f"{sent}-{channel[0]}-{channel[2]}",
            sent_at=self._stamp(sent),
            shop=SHOP,
            route=channel[0],
            provider=channel[1],
            seed=channel[2],
            template=template,
            verdict=step.verdict,
            tab="updates" if step.verdict is Verdict.TAB else None,
            latency_s=round(step.took_s, 1) if arrived else None,
            spf="pass" if arrived else None,
            dkim=mark,
            dmarc=mark,
            smtp=None if step.verdict is Verdict.UNSENT else "250 2.0.0 OK",
        )
        return at, observation

    def _awake(self, at: float) -> float:
        """A daemon that was down reads its mailboxes when it is back."""
        return next((end for start, end in self.down if start <= at < end), at)

    def _stamp(self, at: float) -> datetime:
        for clock in self.clocks:
            if clock.start <= at < clock.end:
                at += clock.error_s
        return datetime.fromtimestamp(BEGAN + at, UTC)


_ARRIVED = frozenset({Verdict.INBOX, Verdict.TAB, Verdict.SPAM, Verdict.OTHER})


class _Step(NamedTuple):
    """What becomes known of a probe at `at`; `broken` is its authentication.

    `took_s` is by the provider's clock: a mailbox that is read late does not make the mail late.
    """

    at: float
    verdict: Verdict
    took_s: float = 0.0
    broken: bool = False


_Fate = list[_Step]


def _fate(usual: Habit, active: list[Trouble], sent: int, found: tuple[float, ...]) -> _Fate:
    """What becomes known of one probe, and when."""
    if any(trouble.unsent for trouble in active):
        return [_Step(sent + 1.0, Verdict.UNSENT)]
    arrival = _arrival(usual, active, sent, found)
    if not active and arrival is not None and arrival <= sent + DEADLINE:
        return [_Step(arrival + 1.0, _placement(usual, active, sent, found), arrival - sent)]
    blind = max((t.end for t in active if t.blind), default=0.0)
    reported = _reported(sent, arrival, blind)
    if arrival is None or arrival > sent + LOOKED_FOR:
        return reported
    broken = any(t.breaks_authentication for t in active)
    placement = _placement(usual, active, sent, found)
    return [*reported, _Step(max(arrival, blind) + 1.0, placement, arrival - sent, broken)]


def _reported(sent: int, arrival: float | None, blind: float) -> _Fate:
    """What the deadline says, if it is passed before the probe is seen."""
    due = sent + DEADLINE
    if arrival is not None and max(arrival, blind) <= due:
        return []
    return [_Step(due, Verdict.UNOBSERVED if blind > due else Verdict.MISSING)]


def _arrival(
    usual: Habit, active: list[Trouble], sent: int, found: tuple[float, ...]
) -> float | None:
    """When the mail is in the mailbox; None when it is lost."""
    luck = found[1]
    for trouble in active:
        if luck < trouble.missing:
            returns = luck < trouble.missing * trouble.late
            return trouble.end + found[2] * 20 * MINUTE if returns else None
    if luck > 1 - usual.missing:
        return None
    return sent + _latency(usual, active, found)


def _latency(usual: Habit, active: list[Trouble], found: tuple[float, ...]) -> float:
    luck, spread = found[5], _normal(found[2] * 0.999998 + 1e-6)
    for trouble in active:
        if luck < trouble.slow:
            return trouble.delay_s * math.exp(0.5 * spread)
    if luck > 1 - SLUGGISH:
        return DEADLINE * (1 + 4 * found[2])
    latency = usual.latency_s * math.exp(0.7 * spread)
    return min(0.9 * DEADLINE, latency)


def _placement(usual: Habit, active: list[Trouble], sent: int, found: tuple[float, ...]) -> Verdict:
    clean = 1 - usual.spam
    for trouble in active:
        clean *= 1 - trouble.spam_at(sent)
    if found[3] < 1 - clean:
        return Verdict.SPAM
    return Verdict.TAB if found[4] < 0.1 else Verdict.INBOX
