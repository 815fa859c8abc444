"""What is normal for one seed on one route: how often it is spammed, how often it misses.

Each channel is a Beta posterior: bad ones of all, on top of the prior, never below a floor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from daemon.rulings.thresholds import Thresholds

HOUR = 3600.0


class Baseline(NamedTuple):
    """Counts of one seed (`spam` of `arrived`, `missing` of `sent`); `since` in epoch seconds."""

    since: float
    spam: float = 0.0
    arrived: float = 0.0
    missing: float = 0.0
    sent: float = 0.0

    def spam_rate(self, t: Thresholds) -> float:
        """P(spam | arrived) while nothing is wrong, to 1 in 10,000."""
        rate = (t.prior_bad + self.spam) / (t.prior_bad + t.prior_good + self.arrived)
        return round(max(t.spam_floor, rate), 4)

    def missing_rate(self, t: Thresholds) -> float:
        """P(not arrived by the deadline) while nothing is wrong, to 1 in 10,000."""
        rate = (t.prior_bad + self.missing) / (t.prior_bad + t.prior_good + self.sent)
        return round(max(t.missing_floor, rate), 4)

    def rates(self, t: Thresholds) -> tuple[float, float]:
        """(missing rate, spam rate)."""
        return self.missing_rate(t), self.spam_rate(t)

    def usable(self, t: Thresholds) -> bool:
        """Whether its placement says anything; a seed that is always spam tells of arrival only."""
        return self.spam_rate(t) <= t.always_spam_above

    def learning(self, at: float, t: Thresholds) -> bool:
        """Whether it is still being learned at `at` (epoch seconds)."""
        return at - self.since < t.learning_h * HOUR

    def arrival(self, t: Thresholds, *, spam: bool) -> Baseline:
        """With one more receipt that arrived in time."""
        fade = min(1.0, t.baseline_memory / (self.arrived + 1))
        fade_sent = min(1.0, t.baseline_memory / (self.sent + 1))
        return Baseline(
            self.since,
            (self.spam + spam) * fade,
            (self.arrived + 1) * fade,
            self.missing * fade_sent,
            (self.sent + 1) * fade_sent,
        )

    def miss(self, t: Thresholds) -> Baseline:
        """With one more receipt that missed its deadline."""
        fade = min(1.0, t.baseline_memory / (self.sent + 1))
        missing, sent = (self.missing + 1) * fade, (self.sent + 1) * fade
        return Baseline(self.since, self.spam, self.arrived, missing, sent)

    def flipped(self, t: Thresholds) -> Baseline:
        """The same seed once its provider's personal filter has settled on spam.

        Held no more firmly than the prior: it may be put right at any time.
        """
        weight = t.prior_bad + t.prior_good
        return self._replace(spam=2 * weight * t.flipped_spam - t.prior_bad, arrived=weight)
