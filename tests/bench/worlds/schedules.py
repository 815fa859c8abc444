"""When probes are sent: equal rounds, or the shipped cadence's own slots.

Both are the steady part, known in advance; what is sent on suspicion is decided in `reacting`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from daemon.rulings import schedule
from tests.bench.worlds.trouble import DAY, MINUTE
from tests.bench.worlds.world import BEGAN, CONTROL, SHOP, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.worlds.trouble import Channel

Send = tuple[int, "Channel"]


@dataclass(frozen=True)
class Rounds:
    """Every route to every seed once in `every_s`, the seeds of a lane evenly staggered."""

    every_s: float = 10 * MINUTE

    @property
    def name(self) -> str:
        """For tables."""
        return f"rounds of {self.every_s / MINUTE:.0f} min"

    def sends(self, world: World) -> list[Send]:
        """All of a world's steady probes in order of time."""
        found = [send for channel in world.channels for send in self._series(world, channel)]
        return sorted(found)

    def _series(self, world: World, channel: Channel) -> Iterator[Send]:
        route, provider, seed = channel
        turn = int(seed.rpartition("-")[2]) - 1 + _share(route, provider)
        at = turn * self.every_s / world.seeds
        while at < world.days * DAY:
            yield int(at), channel
            at += self.every_s


@dataclass(frozen=True)
class Cadence:
    """The daemon's own slots: the primary route steadily, fallback and control rarely."""

    every: Mapping[str, timedelta] = field(
        default_factory=lambda: {
            "primary": timedelta(minutes=20),
            "fallback": timedelta(hours=2),
            "control": timedelta(hours=2),
        }
    )
    jitter: float = 0.2
    cap: int = 130

    @property
    def name(self) -> str:
        """For tables."""
        minutes = (int(self.every[role].total_seconds() / 60) for role in schedule.ROLE_ORDER)
        return "primary {}, control {}, fallback {} min".format(*minutes)

    def sends(self, world: World) -> list[Send]:
        """All of a world's steady probes in order of time, within each seed's cap a day."""
        found = [send for channel in world.channels for send in self._series(world, channel)]
        return sorted(found)

    def _series(self, world: World, channel: Channel) -> Iterator[Send]:
        """The instants at which `schedule.due` would first name each slot of this pair."""
        route, _, seed = channel
        pair = schedule.Pair(SHOP, route, role(route), seed)
        period = self.every[pair.role].total_seconds()
        start = schedule._fraction(*pair.key) * period
        index = int((BEGAN - start) // period) + 1
        while (at := start + index * period - BEGAN) < world.days * DAY:
            wait = schedule._fraction(*pair.key, str(index)) * self.jitter * period
            if at + wait < world.days * DAY:
                yield int(at + wait) + 1, channel
            index += 1


def cadence(primary_min: float, fallback_min: float, control_min: float) -> Cadence:
    """Other cadences than the shipped."""
    minutes = {"primary": primary_min, "fallback": fallback_min, CONTROL: control_min}
    return Cadence({role: timedelta(minutes=value) for role, value in minutes.items()})


def role(route: str) -> str:
    """The benchmark's routes are named after their roles."""
    return CONTROL if route == CONTROL else route


def sent_per_day(sends: list[Send], world: World) -> float:
    """Probes per seed and day, of all routes together."""
    per_seed = Counter(channel[2] for _, channel in sends)
    return sum(per_seed.values()) / len(per_seed) / world.days


def _share(*parts: str) -> float:
    return int.from_bytes(blake2b("|".join(parts).encode(), digest_size=4).digest()) / 2**32
