"""Every number by which standing and incidents are judged, in one place.

The rates are assumptions about the world, not measurements of it: only comparisons between rules
that share them mean something. Times carry their unit in the name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """What is assumed, what opens and closes an incident, and what names its cause.

    Known by identity, because tables are remembered for it.
    """

    # When an incident opens and closes, by P(SPAM½ + SPAM + MISSING).
    open_at: float = 0.73
    close_below: float = 0.08
    suspect_share: float = 0.25
    """Suspicion stands above this share of `open_at`: baselines freeze, probing adapts."""
    calm_below: float = 0.02
    """Below it, and after K good probes, the next bad probe begins a new story."""
    relapse_min: float = 120.0
    """An incident that comes back within this time is the same one."""

    # How often things happen (per route × provider and year), and how long they last on average.
    blip_per_year: float = 10.0
    blip_min: float = 7.0
    burst_per_year: float = 4.0
    burst_min: float = 15.0
    fault_per_year: float = 1.0
    fault_min: float = 400.0
    seed_fault_per_year: float = 1.5
    flip_days: float = 20.0
    lock_days: float = 4.0
    first_seed_share: float = 0.25
    """How likely a seed's fault is before it was ever seen, of its share of the time."""
    mix_min: float = 120.0
    mix_up: float = 0.3
    mix_down: float = 0.1
    cell_step_min: float = 30.0
    """A longer gap ages the belief no further: silence is no sign of health."""
    seed_step_min: float = 60.0

    # What is seen in each cell.
    blip_spam: float = 0.65
    half_spam: float = 0.4
    full_spam: float = 0.92
    flipped_spam: float = 0.93
    outage_missing: float = 0.85
    burst_missing: float = 0.3
    locked_missing: float = 0.985
    bounce_odds: float = 1000.0
    """How much likelier mail comes back by the sender's fault in HALF, SPAM and MISSING."""
    locked_late: float = 0.02
    """P(a receipt that missed its deadline still arrives), against 1 for a seed that works."""

    # Each seed's baseline, by which "normal" is known.
    learning_h: float = 48.0
    prior_bad: float = 0.3
    prior_good: float = 29.7
    spam_floor: float = 0.004
    missing_floor: float = 0.01
    baseline_memory: float = 300.0
    """Probes; older ones fade, so that a baseline follows a seed's habits over days."""
    always_spam_above: float = 0.3
    """A seed whose baseline is above says nothing about placement, only about arrival."""

    # Order mail that comes back, next to the probes.
    bounces_needed: int = 3
    """Fewer open no incident while no probe speaks against the route."""
    bounces_most: int = 6
    """More within `bounce_min` add nothing."""
    bounce_min: float = 60.0

    # Whose fault it is.
    deadline_min: float = 6.0
    recent_min: float = 120.0
    auth_failures: int = 3
    lock_misses: int = 3
    live_peer_h: float = 24.0
    flip_min: float = 150.0
    doubt_min: float = 30.0
    """A cause yields to one later in the order only after that long."""
    content_odds: float = 10.0
    """How much better "some templates" must explain the bad probes than "any of them"."""

    # Adaptive probing.
    follow_gap_min: float = 2.0
    witness_min: float = 10.0
    """While an incident stands, each other route is asked this often whether it lands."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}: {value} is not above 0")
        for name in PROBABILITIES:
            if getattr(self, name) >= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is no probability below 1")
        if self.close_below >= self.open_at:
            raise ValueError("close_below: must be below open_at, or incidents flap")

    @property
    def suspect_at(self) -> float:
        """The probability above which suspicion stands."""
        return self.suspect_share * self.open_at

    def with_(self, **overrides: float) -> Thresholds:
        """The same with some numbers changed; raises ValueError naming the one that is wrong."""
        for name in overrides:
            if name not in NAMES:
                raise ValueError(f"{name}: no such threshold; there are {', '.join(NAMES)}")
        return replace(self, **overrides)  # type: ignore[arg-type] # whole numbers are floats too

    def assigned(self, assignments: Iterable[str]) -> Thresholds:
        """As `with_`, from words such as `open_at=.88`; raises ValueError naming the wrong one."""
        return self.with_(**dict(_assignment(text) for text in assignments))


NAMES = tuple(field.name for field in fields(Thresholds))
PROBABILITIES = (
    "open_at",
    "close_below",
    "suspect_share",
    "calm_below",
    "mix_up",
    "mix_down",
    "blip_spam",
    "half_spam",
    "full_spam",
    "flipped_spam",
    "outage_missing",
    "burst_missing",
    "locked_missing",
    "locked_late",
    "spam_floor",
    "missing_floor",
    "always_spam_above",
)


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r}: write name=value")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ValueError(f"{name}: {value!r} is no number") from None
