"""What people are told about a route × provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.lifecycles.probe import ProbeState
from daemon.rulings.overview import Outcome, lanes
from probes.observation import Placement

T0 = datetime(2026, 1, 5, tzinfo=UTC)
SIGHTED = ProbeState.SIGHTED


def outcome(
    n: int,
    placement: Placement | None,
    state: ProbeState = SIGHTED,
    *,
    route: str = "primary",
    latency_s: float | None = None,
) -> Outcome:
    return Outcome(
        f"P{n:03}",
        "demo",
        route,
        route,
        "yahoo",
        "yahoo-1",
        state,
        placement,
        None,
        T0 + timedelta(minutes=n),
        latency_s,
    )


def test_a_lane_says_how_many_could_be_seen_and_where_the_last_ones_were() -> None:
    good = [outcome(n, Placement.INBOX) for n in range(7)]
    bad = [outcome(n, Placement.SPAM) for n in range(7, 10)]
    [lane] = lanes([*bad, *good])
    assert lane.sentence == (
        "7 of 10 (40–89%) test receipts could be seen; the last 3 were in spam."
    )


def test_what_was_not_observed_counts_neither_way() -> None:
    [lane] = lanes([outcome(0, Placement.INBOX), outcome(1, None, ProbeState.UNOBSERVED)])
    assert (lane.visible.k, lane.visible.n) == (1, 1)
    assert "could not be read" in lane.sentence


def test_what_was_never_sent_counts_neither_way_and_is_said() -> None:
    sent = outcome(0, Placement.INBOX)
    unsent = [outcome(n, None, ProbeState.UNSENT) for n in (1, 2)]
    [lane] = lanes([sent, *unsent])
    assert (lane.visible.k, lane.visible.n) == (1, 1)
    assert lane.sentence.endswith("the last 2 were not sent: the route did not take it.")
    [lane] = lanes(unsent)
    assert lane.sentence.startswith("No test receipt was observed; the last 2 were not sent")


def test_what_is_still_awaited_is_not_spoken_of() -> None:
    [lane] = lanes([outcome(1, None, ProbeState.SUBMITTED)])
    assert lane.sentence == "No test receipt has been settled yet."


def test_overdue_counts_as_missing_until_it_arrives() -> None:
    [lane] = lanes([outcome(0, None, ProbeState.OVERDUE)])
    assert (lane.visible.k, lane.visible.n) == (0, 1)
    [lane] = lanes([outcome(0, Placement.INBOX)])
    assert (lane.visible.k, lane.visible.n) == (1, 1)


def test_the_strip_keeps_the_newest_thirty_in_order() -> None:
    [lane] = lanes([outcome(n, Placement.INBOX) for n in reversed(range(40))])
    assert [o.probe for o in lane.strip] == [f"P{n:03}" for n in range(10, 40)]


def test_latency_is_the_median_of_what_was_timed() -> None:
    [lane] = lanes([outcome(n, Placement.INBOX, latency_s=s) for n, s in enumerate((3, 90, 4))])
    assert lane.latency_s == 4


def test_primary_routes_come_first() -> None:
    mixed = [
        outcome(n, Placement.INBOX, route=r)
        for n, r in enumerate(["control", "fallback", "primary"])
    ]
    assert [lane.route for lane in lanes(mixed)] == ["primary", "fallback", "control"]
