"""The eight kinds of fault: from a place and a span to what its probes suffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.worlds.trouble import HOUR, MINUTE, Fault, Trouble
from tests.bench.worlds.world import PROVIDERS, ROUTES, TEMPLATES

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Maker = Callable[[random.Random, float], Fault]

SHOP_ROUTES = ROUTES[:2]


def _lane(rng: random.Random) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset({rng.choice(SHOP_ROUTES)}), frozenset({rng.choice(PROVIDERS)})


def hard_spam(rng: random.Random, start: float) -> Fault:
    """A route's mail to one provider goes to spam."""
    end = start + rng.uniform(2, 6) * HOUR
    return Fault("hard spam", Trouble(start, end, spam=rng.uniform(0.9, 1)), *_lane(rng))


def partial_spam(rng: random.Random, start: float) -> Fault:
    """A share between .3 and .7 of it does."""
    end = start + rng.uniform(8, 14) * HOUR
    return Fault("partial spam", Trouble(start, end, spam=rng.uniform(0.3, 0.7)), *_lane(rng))


def gradual_spam(rng: random.Random, start: float) -> Fault:
    """It becomes hard spam over four to twelve hours, and stays so for a while."""
    ramp = rng.uniform(4, 12) * HOUR
    trouble = Trouble(start, start + ramp + 4 * HOUR, spam=0.97, ramp_s=ramp)
    return Fault("gradual spam", trouble, *_lane(rng))


def template_spam(rng: random.Random, start: float) -> Fault:
    """One or two of the four templates go to spam; content is the better answer, route is true."""
    chosen = frozenset(rng.sample(TEMPLATES, rng.choice((1, 2))))
    end = start + rng.uniform(8, 14) * HOUR
    trouble = Trouble(start, end, spam=0.95, templates=chosen)
    return Fault("some templates", trouble, *_lane(rng), causes=("content", "route"))


def black_hole(rng: random.Random, start: float) -> Fault:
    """Accepted and never seen again."""
    end = start + rng.uniform(2, 6) * HOUR
    return Fault("black hole", Trouble(start, end, missing=rng.uniform(0.95, 1)), *_lane(rng))


def delay(rng: random.Random, start: float) -> Fault:
    """Everything arrives, after a median of 45 minutes."""
    end = start + rng.uniform(2, 6) * HOUR
    return Fault("delay", Trouble(start, end, slow=1.0, delay_s=45 * MINUTE), *_lane(rng))


def outage(rng: random.Random, start: float) -> Fault:
    """A provider takes nothing in, from any route, and delivers most of it when it is back."""
    end = start + rng.uniform(25, 600) * MINUTE
    trouble = Trouble(start, end, missing=0.97, late=0.7)
    providers = frozenset({rng.choice(PROVIDERS)})
    return Fault("outage", trouble, frozenset(ROUTES), providers, causes=("provider",))


def broken_authentication(rng: random.Random, start: float) -> Fault:
    """A route's DKIM no longer verifies; one to three providers mind."""
    end = start + rng.uniform(2, 6) * HOUR
    trouble = Trouble(start, end, spam=rng.uniform(0.8, 1), breaks_authentication=True)
    routes = frozenset({rng.choice(SHOP_ROUTES)})
    providers = frozenset(rng.sample(PROVIDERS, rng.choice((1, 2, 3))))
    return Fault("authentication", trouble, routes, providers, causes=("authentication",))
