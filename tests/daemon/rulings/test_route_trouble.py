"""A route that does not take order mail is noticed; a blip, and what is not its fault, is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.rulings.route_trouble import Took, Tried, Trouble, trouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minutes: float, mail: object, *, well: bool = False) -> Tried:
    when = NOON + timedelta(minutes=minutes)
    return Tried(when, str(mail), Took.TAKEN if well else Took.FAILED, "" if well else "no")


def found(*tried: Tried, after_min: float, standing: bool = False) -> Trouble | None:
    return trouble(tried, NOON + timedelta(minutes=after_min), standing=standing)


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
