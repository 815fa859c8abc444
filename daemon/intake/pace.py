"""PURE: so many a minute, in a burst or evenly."""

from __future__ import annotations


class Pace:
    """A bucket that holds a minute's worth and fills evenly; None knows no limit."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute or 0)
        self._at = 0.0

    def step(self, at_s: float) -> bool:
        """Whether one more is within the pace at this moment of a clock that only goes forward."""
        if self._per_minute is None:
            return True
        filled = self._left + (at_s - self._at) * self._per_minute / 60
        self._left, self._at = min(filled, float(self._per_minute)), at_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
