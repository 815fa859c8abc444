"""What can befall a probe, nuisance and fault alike, and the fault's true cause.

Times are seconds since the world began; shares are probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, field

HOUR = 3600.0
MINUTE = 60.0
DAY = 86400.0

Channel = tuple[str, str, str]
"""(route, provider, seed)."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to the probes of some channels from `start` to `end`.

    `spam` is the share of arriving mail put into spam, rising over `ramp_s`. `missing` is the share
    that does not arrive, of which `late` arrives once the trouble is over. `slow` is the share
    that takes a time around `delay_s`. `blind` mailboxes cannot be read; `unsent` mail never left.
    `templates`, when there are any, are the only ones touched.
    """

    start: float
    end: float
    spam: float = 0.0
    ramp_s: float = 0.0
    missing: float = 0.0
    late: float = 0.0
    slow: float = 0.0
    delay_s: float = 0.0
    templates: frozenset[str] = frozenset()
    breaks_authentication: bool = False
    blind: bool = False
    unsent: bool = False

    def touches(self, at: float, template: str) -> bool:
        """Whether a probe sent at `at` meets it."""
        inside = self.start <= at < self.end
        return inside and (not self.templates or template in self.templates)

    def spam_at(self, at: float) -> float:
        """The share of spam that the ramp has reached."""
        return self.spam * min(1.0, (at - self.start) / self.ramp_s) if self.ramp_s else self.spam


@dataclass(frozen=True, slots=True)
class Fault:
    """Something lasting that the owner must hear of, where it is, and whose doing it is.

    `causes` are the answers that count as right, the best first.
    """

    kind: str
    trouble: Trouble
    routes: frozenset[str]
    providers: frozenset[str]
    causes: tuple[str, ...] = field(default=("route",))

    @property
    def start(self) -> float:
        """When it began."""
        return self.trouble.start

    @property
    def end(self) -> float:
        """When it was over."""
        return self.trouble.end

    def hits(self, route: str, provider: str) -> bool:
        """Whether this route's mail to this provider suffers."""
        return route in self.routes and provider in self.providers
