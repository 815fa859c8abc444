from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.rulings.retries import LONGEST, pause, route_pause

MINUTES = [5, 10, 20, 40, 80, 160, 240, 240]


def test_the_timetable_doubles_from_five_minutes_to_four_hours() -> None:
    assert [pause(n, 0.5) for n in range(1, 9)] == [timedelta(minutes=m) for m in MINUTES]


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_chance_moves_it_by_a_tenth_at_the_most(chance: float) -> None:
    for tries, minutes in enumerate(MINUTES, 1):
        drift = pause(tries, chance) / timedelta(minutes=minutes) - 1
        assert drift == pytest.approx(0.2 * chance - 0.1)


def test_a_thousand_tries_are_no_overflow() -> None:
    assert pause(1_000, 0.5) == LONGEST


def test_a_dead_route_is_asked_again_within_a_minute() -> None:
    seconds = [route_pause(n).total_seconds() for n in (1, 2, 3, 6, 7, 8, 1_000)]
    assert seconds == [1, 2, 4, 32, 60, 60, 60]
