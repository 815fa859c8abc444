"""A rate is shown with its n and an interval, or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Rate:
    """`k` of `n`; `low` and `high` bound the Wilson 95 % interval (Wilson 1927)."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        """The share k / n; None when nothing was counted."""
        return self.k / self.n if self.n else None

    @property
    def low(self) -> float:
        """The interval's lower end; 0 when nothing was counted."""
        return self._bounds()[0]

    @property
    def high(self) -> float:
        """The interval's upper end; 1 when nothing was counted."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        p, z2 = self.k / self.n, Z95**2
        middle = p + z2 / (2 * self.n)
        half = Z95 * math.sqrt(p * (1 - p) / self.n + z2 / (4 * self.n**2))
        scale = 1 + z2 / self.n
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)

    def __str__(self) -> str:
        """As people read it: "17 of 18 (74–99 %)"."""
        if not self.n:
            return "none yet"
        return f"{self.k} of {self.n} ({self.low:.0%}–{self.high:.0%})".replace("%–", "–")
