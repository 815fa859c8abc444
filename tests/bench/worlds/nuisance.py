"""What goes wrong all the time and is nobody's incident: the background of every world.

Rates a year are assumptions: comparisons between rules mean something, the figures alone do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.worlds.chance import moments, stream
from tests.bench.worlds.trouble import DAY, MINUTE, Channel, Trouble

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

BLIPS, BURSTS, HICCUPS = 10, 4, 12
"""A year and lane: mail in spam for minutes, greylisting, a provider that swallows and returns."""
FLIPS, LOCKS, READING_OUTAGES = 1.5, 1.5, 20
"""A year and seed: the personal filter turns, the account is locked, IMAP is down."""
REFUSALS = 6
"""A year and route: the relay does not answer, nothing is sent."""
ALWAYS_SPAM = 0.03
"""Share of seeds whose filter distrusts every test mail from the beginning."""


@dataclass(frozen=True, slots=True)
class Habit:
    """A channel on a good day: shares of spam and loss, median seconds to arrive."""

    spam: float
    missing: float
    latency_s: float


def habit(world: str, channel: Channel) -> Habit:
    """Most channels are clean, a few are not: Beta(.3, 29.7) has its mean at 1 %."""
    _, provider, seed = channel
    person = stream(world, "person", provider, seed)
    distrusted = person.random() < ALWAYS_SPAM
    latency = person.lognormvariate(1.8, 0.6)
    rng = stream(world, "habit", *channel)
    spam = rng.uniform(0.6, 0.98) if distrusted else rng.betavariate(0.3, 29.7)
    return Habit(spam, rng.betavariate(1, 400), latency)


def of_channel(world: str, channel: Channel, days: float) -> Iterator[Trouble]:
    """Everything that disturbs one channel, in no order."""
    route, provider, seed = channel
    yield from _of_lane(stream(world, "lane", route, provider), days)
    yield from _of_route(stream(world, "route", route), days)
    yield from _of_seed(stream(world, "seed", provider, seed), route, days)


def _of_lane(rng: random.Random, days: float) -> Iterator[Trouble]:
    for at in moments(rng, BLIPS, days):
        yield Trouble(at, at + rng.expovariate(1 / (7 * MINUTE)), spam=0.65)
    for at in moments(rng, BURSTS, days):
        length = rng.expovariate(1 / (15 * MINUTE))
        yield Trouble(at, at + length, slow=0.35, delay_s=12 * MINUTE)
    for at in moments(rng, HICCUPS, days):
        yield Trouble(at, at + rng.uniform(1, 6) * MINUTE, missing=0.8, late=1.0)


def _of_route(rng: random.Random, days: float) -> Iterator[Trouble]:
    for at in moments(rng, REFUSALS, days):
        yield Trouble(at, at + rng.uniform(1, 8) * MINUTE, unsent=True)


def _of_seed(rng: random.Random, route: str, days: float) -> Iterator[Trouble]:
    for at in moments(rng, FLIPS, days):
        length = rng.expovariate(1 / (20 * DAY))
        only = rng.choice(["", "", "primary", "fallback"])
        if only in ("", route):
            yield Trouble(at, at + length, spam=0.93)
    for at in moments(rng, LOCKS, days):
        yield Trouble(at, at + rng.expovariate(1 / (4 * DAY)), missing=0.985)
    for at in moments(rng, READING_OUTAGES, days):
        yield Trouble(at, at + rng.expovariate(1 / (45 * MINUTE)), blind=True)
