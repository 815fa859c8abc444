"""Random numbers that belong to a key, not to a sequence.

A schedule that sends more probes, or at other times, meets the same world: whatever happens to a
probe depends on (world, second, route, provider, seed) and on nothing that was drawn before.
"""

from __future__ import annotations

import random
from hashlib import blake2b
from struct import unpack

DRAWS = 6
Draws = tuple[float, float, float, float, float, float]


def draws(key: str) -> Draws:
    """Six independent numbers in [0, 1) that belong to `key`."""
    digest = blake2b(key.encode(), digest_size=4 * DRAWS).digest()
    a, b, c, d, e, f = unpack("<6I", digest)
    return a / 2**32, b / 2**32, c / 2**32, d / 2**32, e / 2**32, f / 2**32


def stream(*key: object) -> random.Random:
    """A generator of its own for each key: the drafting of a world, not its probes."""
    name = "\0".join(str(part) for part in key)
    return random.Random(int.from_bytes(blake2b(name.encode(), digest_size=8).digest()))


def moments(rng: random.Random, per_year: float, days: float) -> list[float]:
    """Poisson arrivals within `days`, in seconds."""
    found, at = [], 0.0
    while (at := at + rng.expovariate(per_year / (365 * 86400))) < days * 86400:
        found.append(at)
    return found
