"""Order mail that comes back by the sender's fault speaks against its lane, and against no seed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from daemon.rulings.bounce_evidence import OrderBounce
from daemon.rulings.standing.cells import Habit
from daemon.rulings.thresholds import Thresholds
from daemon.rulings.watch import Cause, Event, Happening, Watch
from tests.daemon.rulings.traces import SPAM, START, UNOBSERVED, fed, probe, rounds

DAY = 24 * 60
LANE = ("demo", "primary", "gmail")
ROUTES = ("primary", "fallback")


def healthy() -> Watch:
    """A day in which two routes landed at two providers."""
    watch = Watch()
    assert fed(watch, rounds(0, DAY, routes=ROUTES)) == []
    assert fed(watch, rounds(0, DAY, routes=ROUTES, provider="outlook")) == []
    return watch


def bounce(minute: float, mail: str = "", **changes: Any) -> OrderBounce:
    """A 5.7.26 of a mail of its own, sent a minute before."""
    at = START + timedelta(minutes=minute)
    sent = at - timedelta(minutes=1)
    facts = {"lane": LANE, "mail": mail or f"mail {minute}", "sent_at": sent, "at": at}
    return OrderBounce(**{**facts, "reason": "authentication", **changes})


def came_back(watch: Watch, *minutes: float, **changes: Any) -> list[Event]:
    return [e for minute in minutes for e in watch.came_back(bounce(minute, **changes))]


def p_bad(watch: Watch) -> float:
    return watch.lanes[LANE].standing.p_bad


def test_one_bounce_raises_the_doubt_and_opens_nothing() -> None:
    watch = healthy()
    before = p_bad(watch)
    assert came_back(watch, DAY + 1) == []
    assert p_bad(watch) > max(0.01, 100 * before)
    assert watch.lanes[LANE].incident is None


def test_three_within_an_hour_open_an_incident_of_that_lane() -> None:
    watch = healthy()
    [event] = came_back(watch, DAY + 1, DAY + 20, DAY + 40)
    assert (event.event, event.shop, event.route, event.provider) == (Happening.OPENED, *LANE)
    assert event.cause is Cause.AUTHENTICATION
    assert event.facts["bounces"] == 3
    assert event.why == (
        "Gmail: 3 order receipts by primary came back, and not for their addresses' fault. They "
        "fail authentication (SPF, DKIM, DMARC), so it is the sender's set-up, since 00:01 UTC."
    )


def test_what_came_back_for_another_reason_is_the_routes() -> None:
    [event] = came_back(healthy(), DAY + 1, DAY + 2, DAY + 3, reason="blocked")
    assert event.cause is Cause.ROUTE


@pytest.mark.parametrize("gap", [1, 5, 10, 20, 25])
def test_three_within_an_hour_open_one_although_probes_land_in_between(gap: int) -> None:
    watch = healthy()
    said = came_back(watch, DAY + 1)
    for start in (DAY + 1, DAY + 1 + gap):
        said += fed(watch, rounds(start + 0.5, start + gap))
        said += came_back(watch, start + gap)
    assert [event.event for event in said] == [Happening.OPENED]


def test_three_in_a_day_between_probes_that_land_open_nothing() -> None:
    watch = healthy()
    for hour in range(3):
        start = DAY + hour * 120
        assert came_back(watch, start) == []
        assert fed(watch, rounds(start + 1, start + 120)) == []


def test_other_lanes_stay_as_they_are() -> None:
    watch = healthy()
    before = {tuple(lane["key"]): json.dumps(lane) for lane in watch.snapshot()}
    watch.changed_lanes()
    came_back(watch, DAY + 1, DAY + 20, DAY + 40)
    after = {tuple(lane["key"]): json.dumps(lane) for lane in watch.snapshot()}
    assert [key for key in after if after[key] != before[key]] == [LANE]
    assert [tuple(lane["key"]) for lane in watch.changed_lanes()] == [LANE]


def test_no_seed_learns_from_a_bounce() -> None:
    watch = healthy()
    before = watch.lanes[LANE].standing
    came_back(watch, DAY + 1, DAY + 20, DAY + 40)
    after = watch.lanes[LANE].standing
    assert (after.seeds, after.baselines, after.stepped) == (
        before.seeds,
        before.baselines,
        before.stepped,
    )
    for seed in after.seeds:
        assert after.chance(seed, Habit.WELL) == pytest.approx(before.chance(seed, Habit.WELL))


def test_several_bounces_of_one_mail_are_one() -> None:
    watch = healthy()
    came_back(watch, DAY + 1, mail="one")
    believed = p_bad(watch)
    assert came_back(watch, *range(DAY + 2, DAY + 30), mail="one") == []
    assert p_bad(watch) == believed


def test_a_flood_weighs_no_more_than_a_few() -> None:
    few, flood = healthy(), healthy()
    came_back(few, *(DAY + 1 + index / 60 for index in range(Thresholds().bounces_most)))
    came_back(flood, *(DAY + 1 + index / 60 for index in range(60)))
    assert p_bad(flood) == p_bad(few)
    assert len(flood.lanes[LANE].returned) == Thresholds().bounces_most


def test_a_bounce_and_a_probe_that_spoke_badly_open_one_together() -> None:
    watch = healthy()
    fed(watch, [probe(DAY + 1, SPAM), probe(DAY + 2, SPAM, seed="gmail-2")])
    assert watch.lanes[LANE].incident is None
    assert [event.event for event in came_back(watch, DAY + 3)] == [Happening.OPENED]


def test_landing_probes_close_it_and_what_was_sent_before_reopens_nothing() -> None:
    watch = healthy()
    came_back(watch, DAY + 1, DAY + 2, DAY + 3)
    assert [e.event for e in fed(watch, rounds(DAY + 4, DAY + 120))] == [Happening.CLOSED]
    believed, sent = p_bad(watch), START + timedelta(minutes=DAY + 2)
    assert came_back(watch, DAY + 121, DAY + 122, DAY + 123, sent_at=sent) == []
    assert p_bad(watch) == believed


def test_one_bounce_right_after_an_incident_closed_does_not_reopen_it() -> None:
    watch = healthy()
    fed(watch, rounds(DAY, DAY + 60, SPAM))
    good = iter(list(rounds(DAY + 60, DAY + 300)))
    while watch.lanes[LANE].incident:
        watch.observe(next(good))
    closed = (watch.lanes[LANE].closed_at - START.timestamp()) / 60
    assert came_back(watch, closed + 3) == []
    assert fed(watch, list(good)[:3]) == []


def test_a_lane_that_was_never_probed_is_none() -> None:
    watch = healthy()
    assert came_back(watch, DAY + 1, DAY + 2, DAY + 3, lane=("demo", "primary", "yahoo")) == []
    assert ("demo", "primary", "yahoo") not in watch.lanes


def test_a_restart_between_any_two_bounces_changes_nothing() -> None:
    whole, broken = healthy(), Watch()
    broken.restore(whole.snapshot())
    said = came_back(whole, DAY + 1, DAY + 20, DAY + 40)
    heard = []
    for minute in (DAY + 1, DAY + 20, DAY + 40):
        heard += came_back(broken, minute)
        documents, broken = json.loads(json.dumps(broken.snapshot())), Watch()
        broken.restore(documents)
    assert heard == said
    assert json.dumps(broken.snapshot()) == json.dumps(whole.snapshot())


def test_a_lane_of_which_nothing_came_back_is_written_as_ever() -> None:
    watch = Watch()
    fed(watch, [probe(0), probe(1, UNOBSERVED)])
    [document] = watch.snapshot()
    assert "returned" not in document
