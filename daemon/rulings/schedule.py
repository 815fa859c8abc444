"""When the next probe of each route to each seed is due: a pure function of the time.

Time is cut into slots, one series per (route, seed), each series shifted and each slot jittered by
a hash, so that seeds are staggered and nothing about it needs to be remembered. A slot that was
missed stays missed: after a pause one probe is sent, not the backlog.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROLE_ORDER = {"primary": 0, "control": 1, "fallback": 2}
"""Who goes first when a seed's day is nearly full."""

Key = tuple[str, str, str]
"""(shop, route, seed)."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often each role's routes probe each seed, and what bounds it."""

    every: Mapping[str, timedelta]
    jitter: float
    per_seed_per_day: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A route and a seed: what one series of slots belongs to."""

    shop: str
    route: str
    role: str
    seed: str

    @property
    def key(self) -> Key:
        """What the ledger knows the series by."""
        return (self.shop, self.route, self.seed)


@dataclass(frozen=True, slots=True)
class Due:
    """A slot whose time has come."""

    pair: Pair
    slot: datetime


def due(
    pairs: Iterable[Pair],
    cadence: Cadence,
    last_slots: Mapping[Key, datetime],
    sent_last_day: Mapping[str, int],
    now: datetime,
) -> list[Due]:
    """The slots to send now, primaries first, within each seed's cap for 24 hours."""
    room = {seed: cadence.per_seed_per_day - sent for seed, sent in sent_last_day.items()}
    chosen: list[Due] = []
    for pair in sorted(pairs, key=lambda pair: (ROLE_ORDER[pair.role], pair.key)):
        slot = slot_at(pair, cadence.every[pair.role], cadence.jitter, now)
        left = room.get(pair.seed, cadence.per_seed_per_day)
        if left > 0 and slot is not None and not _taken(last_slots.get(pair.key), slot, now):
            room[pair.seed] = left - 1
            chosen.append(Due(pair, slot))
    return chosen


def _taken(last: datetime | None, slot: datetime, now: datetime) -> bool:
    """A last slot in the future was written under a wrong clock, and silences nobody."""
    return last is not None and slot <= last <= now


def slot_at(pair: Pair, every: timedelta, jitter: float, now: datetime) -> datetime | None:
    """The slot that `now` lies in, or None while its jitter has not yet passed."""
    period = every.total_seconds()
    shift = _fraction(*pair.key) * period
    index = int((now.timestamp() - shift) // period)
    start = shift + index * period
    wait = _fraction(*pair.key, str(index)) * jitter * period
    return datetime.fromtimestamp(int(start), UTC) if now.timestamp() >= start + wait else None


def _fraction(*parts: str) -> float:
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
