"""Probes out of turn: on suspicion, as witnesses, within their bounds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daemon.rulings.followup import Budget, Followup, Reason, followups
from daemon.rulings.watch import Watch
from tests.daemon.rulings.traces import MISSING, SPAM, START, fed, probe, rounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.rulings.observations import Observation
    from daemon.rulings.schedule import Key

DAY = 24 * 60
ALL = ("primary", "fallback", "control")


def minute(at: float) -> datetime:
    return START + timedelta(minutes=at)


def healthy() -> Watch:
    watch = Watch()
    fed(watch, rounds(0, DAY, routes=ALL))
    return watch


def wanted(
    watch: Watch,
    at: float,
    *,
    last_sent: Mapping[Key, datetime] | None = None,
    sent: Mapping[str, int] | None = None,
    cap: int = 100,
) -> list[Followup]:
    budget = Budget(last_sent or {}, sent or {}, cap)
    return followups(watch.lanes.values(), minute(at), budget, watch.thresholds)


def named(found: list[Followup]) -> set[tuple[str, str, str]]:
    return {(f.route, f.seed, f.reason) for f in found}


def ill(watch: Watch, probes: int) -> list[Observation]:
    trace = [probe(DAY + 3 * i, SPAM, seed=f"gmail-{i % 3 + 1}") for i in range(probes)]
    fed(watch, trace)
    return trace


def test_while_all_is_well_nothing_is_wanted() -> None:
    assert wanted(healthy(), DAY) == []


def test_a_bad_verdict_asks_the_other_seeds_of_the_route_after_two_minutes() -> None:
    watch = healthy()
    fed(watch, [probe(DAY + 5, SPAM, seed="gmail-2")])
    found = wanted(watch, DAY + 5)
    assert named(found) == {
        ("primary", "gmail-1", Reason.SUSPICION),
        ("primary", "gmail-3", Reason.SUSPICION),
    }
    assert {f.at for f in found} == {minute(DAY + 7)}


def test_a_good_verdict_ends_it() -> None:
    watch = healthy()
    fed(watch, [probe(DAY + 5, SPAM, seed="gmail-2"), probe(DAY + 7, seed="gmail-1")])
    assert wanted(watch, DAY + 7) == []


def test_once_suspicion_stands_every_seed_and_the_other_routes_are_asked() -> None:
    watch = healthy()
    ill(watch, 3)
    assert watch.lanes["demo", "primary", "gmail"].standing.p_bad > watch.thresholds.suspect_at
    found = wanted(watch, DAY + 7)
    suspicions = {(r, s) for r, s, reason in named(found) if reason is Reason.SUSPICION}
    assert suspicions == {("primary", f"gmail-{n}") for n in (1, 2, 3)}
    witnesses = [f.route for f in found if f.reason is Reason.WITNESS]
    assert sorted(witnesses) == ["control", "fallback"]


def test_while_an_incident_stands_each_route_is_asked_every_ten_minutes() -> None:
    watch = healthy()
    ill(watch, 12)
    assert watch.lanes["demo", "primary", "gmail"].incident
    found = wanted(watch, DAY + 36)
    assert {f.reason for f in found} == {Reason.WITNESS}
    assert sorted(f.route for f in found) == sorted(ALL)
    asked = {("demo", f.route, f.seed): minute(DAY + 40) for f in found}
    again = wanted(watch, DAY + 41, last_sent=asked)
    assert {f.at for f in again if f.route != "primary"} == {minute(DAY + 50)}
    assert not set(named(again)) & {
        (f.route, f.seed, f.reason) for f in found if f.route != "primary"
    }


def test_a_seed_is_not_asked_again_while_its_probe_is_awaited() -> None:
    watch = healthy()
    fed(watch, [probe(DAY + 5, SPAM, seed="gmail-2")])
    awaited = {("demo", "primary", "gmail-1"): minute(DAY + 7)}
    at = {f.seed: f.at for f in wanted(watch, DAY + 8, last_sent=awaited)}
    assert at == {"gmail-1": minute(DAY + 15), "gmail-3": minute(DAY + 7)}


def test_seeds_that_are_locked_or_always_spam_are_not_asked() -> None:
    watch = healthy()
    for turn in range(20):
        at = DAY + 10 * turn
        fed(
            watch,
            [probe(at, MISSING), probe(at + 3, seed="gmail-2"), probe(at + 6, seed="gmail-3")],
        )
    fed(watch, [probe(DAY + 205, SPAM, seed="gmail-2")])
    assert {f.seed for f in wanted(watch, DAY + 205)} == {"gmail-3"}


def test_a_seeds_day_is_bounded_over_all_routes() -> None:
    watch = healthy()
    ill(watch, 3)
    full = {"gmail-1": 10, "gmail-2": 10, "gmail-3": 9}
    found = wanted(watch, DAY + 7, sent=full, cap=10)
    assert [f.seed for f in found] == ["gmail-3"]
    assert wanted(watch, DAY + 7, sent=dict.fromkeys(full, 10), cap=10) == []


def test_a_suspicion_that_nothing_is_added_to_is_dropped() -> None:
    """Otherwise a mailbox that cannot be read would be written to every few minutes."""
    watch = healthy()
    fed(watch, [probe(DAY + 5, SPAM, seed="gmail-2")])
    assert wanted(watch, DAY + 60)
    assert wanted(watch, DAY + 200) == []


def test_the_earliest_comes_first_and_nothing_twice() -> None:
    watch = healthy()
    ill(watch, 3)
    fed(watch, [probe(DAY + 8, MISSING, route="control", seed="gmail-1")])
    found = wanted(watch, DAY + 8)
    assert [f.at for f in found] == sorted(f.at for f in found)
    assert len({(f.route, f.seed) for f in found}) == len(found)
