"""A route that does not take order mail is noticed; a blip, and what is not its fault, is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.rulings.route_trouble import Before, Took, Tried, Trouble, coming_back, trouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minutes: float, mail: object, *, well: bool = False) -> Tried:
    when = NOON + timedelta(minutes=minutes)
    return Tried(when, str(mail), Took.TAKEN if well else Took.FAILED, "" if well else "no")


def found(
    *tried: Tried, after_min: float, standing: bool = False, before: Before | None = None
) -> Trouble | None:
    now = NOON + timedelta(minutes=after_min)
    return trouble(tried, now, standing=standing, before=before)


def ended(minutes: float, *, dismissed: bool = False) -> Before:
    return Before(NOON + timedelta(minutes=minutes), dismissed)


def back(*minutes: float, after_min: float, **more: Any) -> Trouble | None:
    returned = [at(minute, f"mail {minute}") for minute in minutes]
    now = NOON + timedelta(minutes=after_min)
    return coming_back(returned, now, **{"standing": False, **more})


def test_the_second_order_in_a_row_of_a_quiet_shop_is_enough() -> None:
    assert found(at(0, 1), after_min=59) is None
    told = found(at(0, 1), at(60, 2), after_min=60)
    assert told == Trouble(NOON, 2, 2, ("1", "2"), "no")


def test_one_order_that_fails_three_times_is_enough() -> None:
    assert found(at(0, 1), at(5, 1), after_min=6) is None
    assert found(at(0, 1), at(5, 1), at(15, 1), after_min=15)


def test_a_blip_among_hundreds_is_none() -> None:
    before = [at(n / 10, n, well=True) for n in range(200)]
    blip = [at(20 + n / 100, f"blip{n}") for n in range(8)]
    after = [at(20.2 + n / 10, f"after{n}", well=True) for n in range(50)]
    assert found(*before, *blip, after_min=20.1) is None
    assert found(*before, *blip, *after, after_min=26) is None


def test_a_route_that_fails_now_and_then_is_noticed() -> None:
    mixed = [at(n, n, well=n % 3 != 0) for n in range(30)]
    told = found(*mixed, after_min=30)
    assert told
    assert (told.failed, told.tries) == (10, 30)


def test_a_fallback_that_works_hides_nothing() -> None:
    # whatever the fallback took is not among the primary's tries
    assert found(at(0, 1), at(2, 2), at(6, 3), after_min=6)


def test_it_lasts_until_the_route_takes_mail_again() -> None:
    broken = [at(n, n) for n in range(6)]
    one, two = at(10, "a", well=True), at(11, "b", well=True)
    assert found(*broken, after_min=300, standing=True)
    assert found(*broken, one, two, after_min=12, standing=True)
    assert found(*broken, one, two, after_min=36, standing=True) is None
    assert found(*broken, one, two, at(12, "c", well=True), after_min=12, standing=True) is None
    assert found(*broken, one, two, at(12, "c"), after_min=40, standing=True)


def test_what_was_long_ago_is_forgotten() -> None:
    assert found(at(0, 1), at(1, 2), after_min=6 * 60 + 2) is None


def test_what_an_incident_was_about_opens_no_other_one_once_it_is_over() -> None:
    outage = [at(n, f"lost {n}") for n in range(20)]
    again = [at(20 + n, f"taken {n}", well=True) for n in range(3)]
    assert found(*outage, *again, after_min=23, standing=True) is None
    assert found(*outage, *again, after_min=23, before=ended(23)) is None
    assert found(*outage, *again, at(24, "a"), at(30, "b"), after_min=30, before=ended(23))


def test_what_fails_now_and_then_is_not_over_because_three_in_a_row_were_taken() -> None:
    mixed = [at(n, n, well=n % 4 != 0) for n in range(33)]
    assert found(*mixed, after_min=33)
    taken = [at(33 + n, f"taken {n}", well=True) for n in range(10)]
    assert found(*mixed, *taken[:9], after_min=42, standing=True)
    assert found(*mixed, *taken, after_min=43, standing=True) is None


def test_a_route_that_somebody_dismissed_has_to_take_a_mail_before_it_can_fail_again() -> None:
    lasting = [at(n * 10, n) for n in range(12)]
    dismissed = ended(35, dismissed=True)
    assert found(*lasting, after_min=110, before=dismissed) is None
    healed, anew = at(111, "a", well=True), [at(120, "b"), at(126, "c")]
    assert found(*lasting, healed, *anew, after_min=126, before=dismissed)


@pytest.mark.parametrize(
    ("minutes", "after_min", "enough"),
    [
        ((0,), 1, False),
        ((0, 50), 50, True),
        ((0, 90), 90, False),
        ((0, 90, 200), 200, True),
        ((0, 90, 200), 361, False),
    ],
)
def test_two_in_an_hour_or_three_in_six_that_come_back_are_no_accident(
    minutes: tuple[float, ...], after_min: float, *, enough: bool
) -> None:
    assert bool(back(*minutes, after_min=after_min)) is enough


def test_one_mail_that_comes_back_twice_is_one() -> None:
    assert coming_back([at(0, 1), at(1, 1)], NOON + timedelta(minutes=2), standing=False) is None


def test_what_came_back_lasts_six_hours_and_is_told_once() -> None:
    assert back(0, 50, after_min=300, standing=True)
    assert back(0, 50, after_min=50 + 361, standing=True) is None
    assert back(0, 50, after_min=55, before=ended(52)) is None
