from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from daemon.rulings.alerting import Attempt, Failure, Kind, Policy, QuietHours, next_try
from tests.daemon.alerts.duty import START, Duty, incident, kinds, minutes, owner

NIGHT = QuietHours(time(22), time(7))


def test_an_opening_waits_for_others_and_is_told_once() -> None:
    duty = Duty([owner()])
    duty.put(incident())
    assert duty.tick() == []
    [notice] = duty.through(120)
    assert (notice.contact, notice.kind, notice.about) == ("sara", Kind.OPENED, ("i-1",))
    assert duty.sent[0][0] == START + minutes(1)


def test_incidents_that_open_within_the_window_share_a_notice_per_shop() -> None:
    duty = Duty([owner(shops=frozenset({"saffron", "cedar"}))])
    duty.put(incident("i-1"), incident("i-2", at=0.5), incident("i-3", shop="cedar"))
    assert [n.about for n in duty.tick(1)] == [("i-1", "i-2"), ("i-3",)]


def test_ten_thousand_incidents_at_once_are_one_notice_that_names_them_all() -> None:
    shops = frozenset(f"shop-{n}" for n in range(5_000))
    duty = Duty([owner(shops=shops)])
    duty.put(*(incident(f"i-{n}", shop=f"shop-{n % 5_000}") for n in range(10_000)))
    [notice] = duty.through(10)
    assert len(notice.about) == len(set(notice.about)) == 10_000


def test_a_storm_that_goes_on_stays_within_the_cap_and_forgets_nothing() -> None:
    duty = Duty([owner()])
    duty.put(*(incident(f"i-{n}", at=n * 2) for n in range(60)))
    assert len(duty.through(60)) == duty.policy.cap
    duty.through(120)
    assert {about for _, n in duty.sent for about in n.about} == set(duty.incidents)


def test_a_solved_incident_is_told_to_whom_its_opening_was_told() -> None:
    duty = Duty([owner(), owner("omar", rank=1)])
    duty.put(incident())
    duty.through(5)
    duty.change("i-1", resolved_at=START + minutes(5))
    assert [(n.contact, n.kind) for n in duty.through(120)] == [("sara", Kind.RESOLVED)]


def test_what_ended_before_anybody_heard_of_it_is_never_told() -> None:
    duty = Duty([owner()])
    duty.put(incident())
    duty.change("i-1", resolved_at=START + minutes(0.5))
    assert duty.through(60) == []


def test_an_opening_that_never_reached_the_contact_has_no_end_for_him() -> None:
    duty = Duty([owner()])
    duty.put(incident())
    duty.through(5)
    [line] = duty.log
    duty.log = [replace(line, given_up=True)]
    duty.change("i-1", resolved_at=START + minutes(6))
    assert duty.through(60) == []


def test_a_relapse_is_told_again() -> None:
    duty = Duty([owner()])
    duty.put(incident())
    duty.through(5)
    duty.change("i-1", resolved_at=START + minutes(5))
    duty.through(5)
    duty.change("i-1", resolved_at=None, episode=2, opened_at=START + minutes(10))
    duty.through(30)
    assert kinds(n for _, n in duty.sent) == ["opened", "resolved", "opened"]
    assert len({n.key for _, n in duty.sent}) == 3


def test_an_unacknowledged_incident_is_recalled_every_day() -> None:
    duty = Duty([owner()])
    duty.put(incident())
    duty.through(50 * 60, step=10)
    assert kinds(n for _, n in duty.sent) == ["opened", "reminder", "reminder"]
    assert len({n.key for _, n in duty.sent}) == 3


def test_an_acknowledged_incident_is_neither_recalled_nor_passed_on() -> None:
    duty = Duty([owner(), owner("omar", rank=1)])
    duty.put(incident())
    duty.through(5)
    duty.change("i-1", acknowledged_at=duty.now)
    assert duty.through(50 * 60, step=10) == []


def test_an_incident_nobody_acknowledges_climbs_from_contact_to_contact() -> None:
    duty = Duty([owner("last", rank=7), owner(), owner("omar", rank=2)])
    duty.put(incident())
    duty.through(90)
    assert [(n.contact, n.kind, at) for at, n in duty.sent] == [
        ("sara", Kind.OPENED, START + minutes(1)),
        ("omar", Kind.ESCALATED, START + minutes(30)),
        ("last", Kind.ESCALATED, START + minutes(60)),
    ]


def test_each_new_cause_is_told_once_however_often_it_flaps() -> None:
    duty = Duty([owner()])
    duty.put(incident())
    duty.through(5)
    for cause in ("content", "route", "content", "authentication"):
        duty.change("i-1", cause=cause)
        duty.through(5)
    assert kinds(n for _, n in duty.sent) == ["opened", "cause_changed", "cause_changed"]


def test_a_seeds_fault_is_the_operators_and_never_the_owners() -> None:
    duty = Duty([owner(), owner("olga", operator=True, shops=frozenset())])
    duty.put(incident(for_operator=True, cause="seed"), incident("i-2"))
    assert [(n.contact, n.about) for n in duty.through(40)] == [
        ("sara", ("i-2",)),
        ("olga", ("i-1",)),
    ]


def test_quiet_hours_hold_a_notice_until_they_end() -> None:
    duty = Duty([owner(quiet=NIGHT)], now=START + minutes(11 * 60))  # 23:00
    duty.put(incident(at=11 * 60))
    duty.through(12 * 60)
    [(at, _)] = duty.sent
    assert at == datetime(2026, 3, 29, 7, tzinfo=UTC)


@pytest.mark.parametrize(("wakes", "critical"), [(True, True), (True, False), (False, True)])
def test_only_a_critical_incident_wakes_only_those_who_want_it(
    *, wakes: bool, critical: bool
) -> None:
    duty = Duty([owner(quiet=NIGHT, wakes=wakes)], now=START + minutes(11 * 60))
    duty.put(incident(at=11 * 60, critical=critical))
    assert bool(duty.through(60)) is (wakes and critical)


def test_quiet_hours_follow_the_wall_clock_over_the_change_to_summer_time() -> None:
    # Berlin: 02:00 becomes 03:00 on 2026-03-29, so the night ends at 05:00 UTC, not at 06:00.
    def at(hour: int) -> datetime:
        return datetime(2026, 3, 29, hour, tzinfo=UTC)

    assert [NIGHT.hold(at(hour), "Europe/Berlin") for hour in (4, 5)] == [True, False]
    assert not NIGHT.hold(at(4), "Asia/Tehran")  # 07:30 there


def test_equal_ends_of_quiet_hours_mean_none() -> None:
    assert not QuietHours(time(7), time(7)).hold(START, "UTC")


def test_a_minimum_gap_holds_back_all_but_critical_openings() -> None:
    duty = Duty([owner(gap=timedelta(minutes=40))])
    duty.put(incident(), incident("i-2", at=5), incident("i-3", at=10, critical=True))
    duty.through(60)
    assert [(at - START, n.about) for at, n in duty.sent] == [
        (minutes(1), ("i-1",)),
        (minutes(10), ("i-3",)),  # the shop's first opening, held back, began the window
        (minutes(50), ("i-2",)),
    ]


def test_a_failing_channel_is_told_to_operators_of_other_channels_once_a_day() -> None:
    operators = [
        owner("olga", operator=True, channel="sms"),
        owner("oleg", operator=True, channel="telegram"),
    ]
    duty = Duty([owner(channel="sms"), *operators])
    duty.failures = [Failure("rw-1", "sara", "sms"), Failure("rw-2", "sara", "sms")]
    [notice] = duty.through(10)
    assert (notice.contact, notice.kind, notice.about) == ("oleg", Kind.OPERATOR, ("sms",))
    duty.failures = [Failure("rw-3", "sara", "sms")]
    duty.through(25 * 60, step=10)
    assert len({n.key for _, n in duty.sent}) == len(duty.sent) == 2


def test_keys_are_the_same_in_every_process_and_fit_a_header() -> None:
    duty, other = Duty([owner()]), Duty([owner()])
    for each in (duty, other):
        each.put(incident(), incident("i-2"))
        each.through(2)
    assert duty.sent[0][1].key == other.sent[0][1].key
    assert duty.sent[0][1].key.removeprefix("rw-").isalnum()
    assert len(duty.sent[0][1].key) == 35


def test_a_failed_notice_is_tried_again_ever_more_rarely_and_given_up_at_last() -> None:
    waits = []
    for tries in range(1, 9):
        again = next_try(Attempt(START, tries))
        waits.append((again - START).total_seconds() if again else None)
    assert waits == [15, 30, 60, 120, 240, 480, 600, None]


def test_a_server_that_asks_for_patience_gets_it() -> None:
    assert next_try(Attempt(START, 1, retry_after_s=90)) == START + timedelta(seconds=90)


def test_a_permanent_refusal_is_not_tried_again() -> None:
    assert next_try(Attempt(START, 1, permanent=True)) is None


def test_a_notice_in_doubt_is_repeated_once_where_a_copy_would_be_seen() -> None:
    assert next_try(Attempt(START, 1, in_doubt=1, deduplicates=False))
    assert next_try(Attempt(START, 2, in_doubt=2, deduplicates=False)) is None
    assert next_try(Attempt(START, 2, in_doubt=2, deduplicates=True))


def test_a_cap_of_one_still_tells_everything() -> None:
    duty = Duty([owner()], policy=Policy(cap=1))
    duty.put(*(incident(f"i-{n}") for n in range(3)))
    [notice] = duty.through(30)
    assert notice.about == ("i-0", "i-1", "i-2")
