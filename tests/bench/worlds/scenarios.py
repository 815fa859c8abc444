"""S0 to S14: which faults a world holds, and where its routes, clock or schedule are odd.

A world learns for two days; then faults follow one another with hours of calm in between, so that
one learning period serves many faults and the calm lanes beside them count for false alarms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bench.worlds import faults
from tests.bench.worlds.chance import stream
from tests.bench.worlds.trouble import DAY, HOUR, MINUTE, Channel, Fault, Trouble
from tests.bench.worlds.world import LEARNING, ROUTES, Clock, World

if TYPE_CHECKING:
    import random

    from tests.bench.worlds.faults import Maker

DAYS = 10.0
CALM = (4 * HOUR, 8 * HOUR)

Draft = Callable[[int], World]


def _episodes(
    rng: random.Random, makers: tuple[Maker, ...], days: float = DAYS
) -> tuple[Fault, ...]:
    """Faults of these kinds in turn, until the world ends."""
    found: list[Fault] = []
    at = LEARNING + rng.uniform(*CALM)
    while True:
        fault = makers[len(found) % len(makers)](rng, at)
        if fault.end + 3 * HOUR > days * DAY:
            return tuple(found)
        found.append(fault)
        at = fault.end + rng.uniform(*CALM)


def _simple(name: str, *makers: Maker) -> Draft:
    def draft(number: int) -> World:
        rng = stream(number, name)
        return World(number, name, DAYS, _episodes(rng, makers))

    return draft


def _calm(number: int) -> World:
    return World(number, "S0", 14.0)


def _lock_in_outage(number: int) -> World:
    """One seed of the provider is locked in the middle of each outage, for two days."""
    rng = stream(number, "S9")
    outages = _episodes(rng, (_long_outage,))
    extra: dict[Channel, list[Trouble]] = {}
    for fault in outages[::4]:
        at = fault.start + rng.uniform(0.1, 0.9) * (fault.end - fault.start)
        lock = Trouble(at, at + 2 * DAY, missing=0.985)
        (provider,) = fault.providers
        seed = f"{provider}-{rng.randint(1, 3)}"
        for route in ROUTES:
            extra.setdefault((route, provider, seed), []).append(lock)
    frozen = {channel: tuple(locks) for channel, locks in extra.items()}
    return World(number, "S9", DAYS, outages, extra=frozen)


def _long_outage(rng: random.Random, start: float) -> Fault:
    fault = faults.outage(rng, start)
    end = max(fault.end, start + 90 * MINUTE)
    return replace(fault, trouble=replace(fault.trouble, end=end))


def _two_at_once(number: int) -> World:
    """A second fault, on another lane, begins while the first is young."""
    rng = stream(number, "S10")
    pair: list[Fault] = []
    for first in _episodes(rng, (faults.hard_spam, faults.black_hole))[::2]:
        second = first
        while second.hits(*_place(first)):
            maker = rng.choice((faults.hard_spam, faults.black_hole, faults.delay))
            second = maker(rng, first.start + rng.uniform(0, 60) * MINUTE)
        pair += [first, second]
    inside = tuple(fault for fault in pair if fault.end < (DAYS - 0.1) * DAY)
    return World(number, "S10", DAYS, inside)


def _place(fault: Fault) -> tuple[str, str]:
    (route,), (provider,) = fault.routes, fault.providers
    return route, provider


def _while_learning(number: int) -> World:
    """The fault begins before the baselines are learned."""
    rng = stream(number, "S11")
    makers = (faults.hard_spam, faults.black_hole)
    first = makers[number % 2](rng, rng.uniform(8, 22) * HOUR)
    second = makers[number % 2](rng, first.end + rng.uniform(5, 10) * HOUR)
    return World(number, "S11", 2.5, (first, second))


def _clock_and_restart(number: int) -> World:
    """The daemon is down for hours, comes back with a clock 15 minutes slow, then a fault begins.

    Every other fault begins while the daemon is down: its delay counts from then.
    """
    rng = stream(number, "S12")
    episodes = _episodes(rng, (faults.hard_spam, faults.black_hole))
    down, clocks = [], []
    for index, fault in enumerate(episodes):
        back = fault.start + (10 if index % 2 else -90) * MINUTE
        down.append((back - rng.uniform(1, 3) * HOUR, back))
        if index % 2 == 0:
            clocks.append(Clock(back, back + 40 * MINUTE, -15 * MINUTE))
    return World(number, "S12", DAYS, episodes, down=tuple(down), clocks=tuple(clocks))


def _no_control(number: int) -> World:
    """Without a control route an outage cannot be told from a fault of all the shop's routes."""
    rng = stream(number, "S13")
    episodes = _episodes(rng, (faults.hard_spam, faults.black_hole, faults.outage))
    unsure = [
        replace(f, causes=("provider", "route")) if f.kind == "outage" else f for f in episodes
    ]
    return World(number, "S13", DAYS, tuple(unsure), routes=ROUTES[:2])


def _relapse(number: int) -> World:
    """Spam that recovers for 40 to 90 minutes, and comes back under the load of the resends."""
    rng = stream(number, "S14")
    found: list[Fault] = []
    for first in _episodes(rng, (faults.hard_spam,), DAYS - 1)[::2]:
        start = first.end + rng.uniform(40, 90) * MINUTE
        trouble = Trouble(start, start + rng.uniform(1.5, 3) * HOUR, spam=0.8)
        found += [first, replace(first, kind="relapse", trouble=trouble)]
    return World(number, "S14", DAYS, tuple(found))


SCENARIOS: dict[str, Draft] = {
    "S0": _calm,
    "S1": _simple("S1", faults.hard_spam),
    "S2": _simple("S2", faults.partial_spam),
    "S3": _simple("S3", faults.gradual_spam),
    "S4": _simple("S4", faults.template_spam),
    "S5": _simple("S5", faults.black_hole),
    "S6": _simple("S6", faults.delay),
    "S7": _simple("S7", faults.outage),
    "S8": _simple("S8", faults.broken_authentication),
    "S9": _lock_in_outage,
    "S10": _two_at_once,
    "S11": _while_learning,
    "S12": _clock_and_restart,
    "S13": _no_control,
    "S14": _relapse,
}
"""Each scenario's draft: a world from its number."""
