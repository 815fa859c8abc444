"""Rates carry their n and an interval."""

from __future__ import annotations

import pytest

from daemon.rulings.rates import Rate


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # Wilson's interval worked out with independent tables (n = 10, 20, 1000)
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (20, 20, 0.8389, 1.0),
        (10, 1000, 0.0054, 0.0183),
    ],
)
def test_the_interval_is_wilsons(k: int, n: int, low: float, high: float) -> None:
    rate = Rate(k, n)
    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)


def test_nothing_counted_is_no_rate() -> None:
    assert Rate(0, 0).value is None
    assert str(Rate(0, 0)) == "none yet"


def test_a_rate_reads_with_its_n() -> None:
    assert str(Rate(17, 18)) == "17 of 18 (74–99%)"
