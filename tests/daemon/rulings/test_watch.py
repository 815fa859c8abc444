"""Observations in, events out: opening, causes, closing, relapse, seeds at fault, restarts."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.rulings.attribution import Cause
from daemon.rulings.incidents import Event, Happening
from daemon.rulings.lanes import Lane, lane_from_json
from daemon.rulings.standing.cells import Habit
from daemon.rulings.thresholds import Thresholds
from daemon.rulings.watch import Watch
from tests.daemon.rulings.traces import (
    INBOX,
    MISSING,
    SPAM,
    START,
    UNOBSERVED,
    UNSENT,
    fed,
    probe,
    rounds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.rulings.observations import Observation, Verdict

DAY = 24 * 60
SHOP = ("primary", "fallback")
ALL = (*SHOP, "control")


def healthy(routes: Iterable[str] = ALL, **facts: Any) -> Watch:
    """A watch after a day in which all was well."""
    watch = Watch()
    assert fed(watch, rounds(0, DAY, routes=routes, **facts)) == []
    return watch


def mixed(*traces: Iterable[Observation]) -> list[Observation]:
    return sorted((o for trace in traces for o in trace), key=lambda o: o.at)


def told(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    return [(event.event, event.route, event.cause) for event in events]


class TestHysteresis:
    def test_spam_on_a_route_opens_one_incident_and_good_probes_close_it(self) -> None:
        watch = healthy()
        ill = fed(watch, mixed(rounds(DAY, DAY + 90, SPAM), rounds(DAY, DAY + 90, routes=ALL[1:])))
        assert told(ill) == [("opened", "primary", "route")]
        assert 5 <= (ill[0].at - START).total_seconds() / 60 - DAY <= 25
        well = fed(watch, rounds(DAY + 90, DAY + 300, routes=ALL))
        assert told(well) == [("closed", "primary", "route")]
        assert well[0].incident == ill[0].incident
        assert well[0].probability < Thresholds().close_below

    def test_one_good_probe_closes_nothing(self) -> None:
        watch = healthy(("primary",))
        fed(watch, rounds(DAY, DAY + 90, SPAM))
        assert fed(watch, [probe(DAY + 91)]) == []
        assert watch.lanes["demo", "primary", "gmail"].incident

    def test_every_seed_must_be_good_in_a_row_before_it_closes(self) -> None:
        watch = healthy(("primary",))
        fed(watch, rounds(DAY, DAY + 90, SPAM))
        good = list(rounds(DAY + 90, DAY + 700))
        flaky = [replace(o, verdict=SPAM) if i % 2 else o for i, o in enumerate(good)]
        assert Happening.CLOSED not in {event.event for event in fed(watch, flaky[:60])}

    def test_a_relapse_reopens_the_same_incident_and_a_later_one_is_new(self) -> None:
        watch = healthy(("primary",))
        first = fed(watch, rounds(DAY, DAY + 60, SPAM))
        fed(watch, rounds(DAY + 60, DAY + 150))
        again = fed(watch, rounds(DAY + 150, DAY + 210, SPAM))
        assert again[0].event is Happening.OPENED
        assert again[0].incident == first[0].incident
        assert again[0].facts["relapse"]
        fed(watch, rounds(DAY + 210, 2 * DAY))
        later = fed(watch, rounds(2 * DAY, 2 * DAY + 60, SPAM))
        assert later[0].event is Happening.OPENED
        assert later[0].incident != first[0].incident

    def test_a_single_bad_probe_and_a_blip_are_nothing(self) -> None:
        watch = healthy()
        blip = [probe(DAY + 1, SPAM), probe(DAY + 4, SPAM, seed="gmail-2")]
        assert fed(watch, mixed(blip, rounds(DAY + 7, 2 * DAY, routes=ALL))) == []

    def test_an_unread_mailbox_says_nothing(self) -> None:
        watch = healthy(("primary",))
        before = json.dumps(watch.snapshot())
        assert fed(watch, rounds(DAY, DAY + 600, UNOBSERVED)) == []
        assert json.dumps(watch.snapshot()) == before

    def test_a_higher_threshold_opens_later(self) -> None:
        trace = [*rounds(0, DAY), *rounds(DAY, DAY + 90, SPAM)]
        early, late = (
            fed(Watch(Thresholds().with_(open_at=at)), trace)[0].at for at in (0.5, 0.99)
        )
        assert early < late

    def test_however_little_is_asked_of_the_belief_every_seed_must_be_seen_good(self) -> None:
        watch = Watch(Thresholds().with_(close_below=0.7))
        fed(watch, [*rounds(0, DAY), *rounds(DAY, DAY + 30, SPAM)])
        lane = watch.lanes["demo", "primary", "gmail"]
        good = list(rounds(DAY + 30, DAY + 60))
        assert fed(watch, good[:2]) == []
        assert lane.standing.p_bad < 0.7
        assert told(fed(watch, good[2:])) == [("closed", "primary", "route")]


class TestCause:
    def test_authentication_comes_first(self) -> None:
        watch = healthy()
        broken = rounds(DAY, DAY + 60, SPAM, routes=ALL, dkim="fail", dmarc="fail")
        events = fed(watch, broken)
        assert events
        assert {event.cause for event in events} == {Cause.AUTHENTICATION}

    def test_missing_on_the_control_route_too_is_the_providers_fault(self) -> None:
        events = fed(healthy(), rounds(DAY, DAY + 60, MISSING, routes=ALL))
        assert {event.cause for event in events} == {Cause.PROVIDER}

    def test_missing_while_the_control_lands_is_the_routes_fault(self) -> None:
        trace = mixed(
            rounds(DAY, DAY + 60, MISSING, routes=SHOP), rounds(DAY, DAY + 60, routes=("control",))
        )
        assert {event.cause for event in fed(healthy(), trace)} == {Cause.ROUTE}

    def test_without_a_control_two_routes_suffice_while_the_route_lands_elsewhere(self) -> None:
        watch = healthy(SHOP)
        elsewhere: dict[str, Any] = {"provider": "yahoo"}
        fed(watch, rounds(0, DAY, routes=SHOP, **elsewhere))
        trace = mixed(
            rounds(DAY, DAY + 60, MISSING, routes=SHOP),
            rounds(DAY, DAY + 60, routes=SHOP, **elsewhere),
        )
        assert {event.cause for event in fed(watch, trace)} == {Cause.PROVIDER}

    def test_without_a_control_routes_that_land_nowhere_are_to_blame_themselves(self) -> None:
        watch = healthy(SHOP)
        fed(watch, rounds(0, DAY, routes=SHOP, provider="yahoo"))
        trace = mixed(
            *(rounds(DAY, DAY + 60, MISSING, routes=SHOP, provider=p) for p in ("gmail", "yahoo"))
        )
        assert {event.cause for event in fed(watch, trace)} == {Cause.ROUTE}

    def test_the_cause_changes_once_the_control_is_heard(self) -> None:
        watch = healthy()
        first = fed(watch, rounds(DAY, DAY + 60, MISSING))
        assert told(first) == [("opened", "primary", "route")]
        then = fed(watch, rounds(DAY + 62, DAY + 69, MISSING, routes=("control",)))
        assert told(then) == [("cause", "primary", "provider")]
        assert then[0].incident == first[0].incident

    def test_at_an_outages_end_what_recovers_first_changes_no_cause(self) -> None:
        watch = healthy()
        fed(watch, rounds(DAY, DAY + 120, MISSING, routes=ALL))
        end = mixed(
            rounds(DAY + 120, DAY + 140, MISSING),
            rounds(DAY + 120, DAY + 140, routes=("fallback", "control")),
        )
        assert {event.event for event in fed(watch, end)} <= {Happening.CLOSED}

    def test_a_provider_blamed_too_soon_is_cleared_while_the_route_stays_bad(self) -> None:
        watch = healthy()
        fed(watch, rounds(DAY, DAY + 30, MISSING, routes=ALL))
        lane = watch.lanes["demo", "primary", "gmail"]
        assert lane.cause == Cause.PROVIDER
        trace = mixed(
            rounds(DAY + 30, DAY + 120, MISSING), rounds(DAY + 30, DAY + 120, routes=ALL[1:])
        )
        changes = [e for e in fed(watch, trace) if e.event is Happening.CAUSE]
        assert told(changes) == [("cause", "primary", "route")]
        assert (changes[0].at - START).total_seconds() / 60 >= DAY + 60

    def test_a_template_that_alone_is_hit_is_the_contents_fault(self) -> None:
        watch = healthy()
        trace = [
            replace(o, verdict=SPAM if o.template == "t1" and o.route == "primary" else INBOX)
            for o in rounds(DAY, DAY + 600, routes=ALL)
        ]
        events = fed(watch, trace)
        assert events[0].event is Happening.OPENED
        assert events[-1].cause is Cause.CONTENT
        assert events[-1].facts["templates_bad"] == ["t1"]

    def test_what_the_relay_refuses_is_the_routes_fault(self) -> None:
        watch = healthy()
        trace = mixed(
            rounds(DAY, DAY + 60, UNSENT, routes=("primary",)),
            rounds(DAY, DAY + 60, routes=ALL[1:]),
        )
        events = fed(watch, trace)
        assert told(events) == [("opened", "primary", "route")]
        assert events[0].facts["fate"] == "unsent"


class TestSeeds:
    def test_a_locked_seed_is_told_once_to_the_operator_and_is_no_incident(self) -> None:
        watch = healthy()
        trace = mixed(
            rounds(DAY, DAY + 300, MISSING, routes=ALL, seeds=1, seed="gmail-1"),
            rounds(DAY + 1, DAY + 300, routes=ALL, seeds=1, seed="gmail-2"),
            rounds(DAY + 2, DAY + 300, routes=ALL, seeds=1, seed="gmail-3"),
        )
        events = fed(watch, trace)
        assert [(e.event, e.seed, e.facts) for e in events] == [
            ("seed_fault", "gmail-1", {"fault": "locked"})
        ]
        assert events[0].cause is Cause.SEED

    def test_in_an_outage_no_seed_takes_the_blame(self) -> None:
        """The live peers have received nothing since: that is what tells the two apart."""
        events = fed(healthy(), rounds(DAY, DAY + 300, MISSING, routes=ALL))
        assert {event.event for event in events} <= {Happening.OPENED, Happening.CAUSE}
        assert {event.route for event in events} == set(ALL)

    def test_a_seed_takes_no_blame_before_its_peers_have_received_mail(self) -> None:
        """It looks locked to every lane, but nobody else was asked since."""
        watch = healthy()
        assert fed(watch, rounds(DAY, DAY + 60, MISSING, routes=SHOP, seeds=1)) == []
        lane = watch.lanes["demo", "primary", "gmail"]
        assert lane.standing.chance("gmail-1", Habit.LOCKED) > 0.5
        peers = [probe(DAY + 61, seed="gmail-2"), probe(DAY + 62, seed="gmail-3")]
        events = fed(watch, [*peers, probe(DAY + 63, MISSING)])
        assert [(event.event, event.seed) for event in events] == [("seed_fault", "gmail-1")]

    def test_what_one_route_alone_misses_is_no_lock(self) -> None:
        watch = healthy()
        trace = mixed(
            rounds(DAY, DAY + 200, MISSING, seeds=1),
            rounds(DAY + 1, DAY + 200, routes=ALL, seeds=1, seed="gmail-2"),
            rounds(DAY + 2, DAY + 200, routes=ALL, seeds=1, seed="gmail-3"),
        )
        assert fed(watch, trace) == []

    def test_a_lock_that_ended_can_be_told_again(self) -> None:
        watch = healthy()

        def locked_for(start: float, end: float) -> list[Event]:
            peers = (rounds(start + s, end, routes=ALL, seeds=1, seed=f"gmail-{s}") for s in (2, 3))
            bad = rounds(start, end, MISSING, routes=ALL, seeds=1, seed="gmail-1")
            return fed(watch, mixed(bad, *peers))

        assert len(locked_for(DAY, DAY + 200)) == 1
        assert fed(watch, rounds(DAY + 200, 2 * DAY, routes=ALL)) == []
        assert len(locked_for(2 * DAY, 2 * DAY + 200)) == 1

    def flipped(self, watch: Watch, start: float, minutes: float) -> list[Event]:
        return fed(
            watch,
            mixed(
                rounds(start, start + minutes, SPAM, seeds=1, seed="gmail-1"),
                rounds(start + 3, start + minutes, seeds=1, seed="gmail-2"),
                rounds(start + 6, start + minutes, seeds=1, seed="gmail-3"),
            ),
        )

    def test_a_flipped_seed_is_relearned_after_hours_without_an_alert_to_the_owner(self) -> None:
        watch = Watch()
        fed(watch, rounds(0, 3 * DAY))
        assert self.flipped(watch, 3 * DAY, 140) == []
        events = self.flipped(watch, 3 * DAY + 140, 60)
        assert [(e.event, e.seed, e.facts["fault"]) for e in events] == [
            ("seed_fault", "gmail-1", "flipped")
        ]
        lane = watch.lanes["demo", "primary", "gmail"]
        assert not lane.standing.baseline("gmail-1").usable(watch.thresholds)
        assert self.flipped(watch, 3 * DAY + 200, DAY) == []

    def test_a_seed_that_was_so_from_the_start_is_always_spam(self) -> None:
        events = self.flipped(Watch(), 0, 400)
        assert [e.facts for e in events] == [{"fault": "always_spam"}]

    def test_an_outage_is_seen_although_a_seed_is_locked(self) -> None:
        watch = healthy()
        fed(
            watch,
            mixed(
                rounds(DAY, DAY + 200, MISSING, routes=ALL, seeds=1, seed="gmail-1"),
                rounds(DAY + 1, DAY + 200, routes=ALL, seeds=1, seed="gmail-2"),
                rounds(DAY + 2, DAY + 200, routes=ALL, seeds=1, seed="gmail-3"),
            ),
        )
        events = fed(watch, rounds(DAY + 200, DAY + 260, MISSING, routes=("primary",)))
        assert told(events)[0][:2] == ("opened", "primary")


class TestCorrections:
    def test_a_probe_that_turns_up_in_time_after_all_takes_the_suspicion_back(self) -> None:
        watch = healthy(("primary",))
        missed = [probe(DAY + 3 * i, MISSING, seed=f"gmail-{i % 3 + 1}") for i in range(3)]
        fed(watch, missed)
        lane = watch.lanes["demo", "primary", "gmail"]
        suspected = lane.standing.p_bad
        found = [replace(o, verdict=INBOX, latency_s=3.0) for o in missed]
        assert fed(watch, found) == []
        assert lane.standing.p_bad < 0.02 < suspected

    def test_a_route_that_is_always_late_stands_accused_although_all_arrives(self) -> None:
        """Late is not missing, but customers wait all the same."""
        watch = healthy(("primary",))
        missed = list(rounds(DAY, DAY + 120, MISSING))
        opened = fed(watch, missed)
        late = [
            replace(o, verdict=INBOX, at=o.at.replace(), latency_s=2700.0) for o in missed[-20:]
        ]
        assert fed(watch, late) == []
        lane = watch.lanes["demo", "primary", "gmail"]
        assert lane.incident == opened[0].incident
        assert {receipt.late for receipt in lane.recent.values()} >= {True}

    def test_the_same_line_twice_counts_once(self) -> None:
        watch = healthy(("primary",))
        bad = probe(DAY + 1, SPAM)
        fed(watch, [bad])
        before = json.dumps(watch.snapshot())
        assert fed(watch, [bad, bad]) == []
        assert json.dumps(watch.snapshot()) == before

    def test_a_correction_too_old_to_be_remembered_changes_nothing(self) -> None:
        watch = healthy(("primary",))
        before = json.dumps(watch.snapshot())
        assert fed(watch, [probe(DAY + 1, SPAM, sent_at=START, latency_s=None)]) == []
        assert json.dumps(watch.snapshot()) == before


class TestTheSentence:
    def test_it_says_what_was_seen_how_rare_that_is_whose_fault_and_since_when(self) -> None:
        trace = mixed(rounds(DAY, DAY + 90, SPAM), rounds(DAY, DAY + 90, routes=ALL[1:]))
        event = fed(healthy(), trace)[0]
        facts = event.facts
        assert facts["receipts"] == facts["receipts_bad"] == facts["last_bad"] == len(event.probes)
        assert (facts["seeds"], facts["seeds_bad"], facts["fate"]) == (3, 3, "spam")
        assert (facts["other_route"], facts["other_lands"]) == ("fallback", True)
        assert facts["since"] == "2026-01-05T23:59:56Z"
        assert event.why == (
            f"Gmail: {facts['receipts']} of the last {facts['receipts']} test receipts by primary "
            f"went into spam, in 3 of 3 test inboxes (normally 1 in {facts['normal_one_in']}). "
            "Your other route lands, so it is this route, since 23:59 UTC."
        )

    def test_the_evidence_names_the_bad_probes(self) -> None:
        bad = list(rounds(DAY, DAY + 90, SPAM))
        event = fed(healthy(), bad)[0]
        assert event.probes
        assert set(event.probes) <= {o.probe for o in bad}

    def test_an_event_is_json(self) -> None:
        event = fed(healthy(), rounds(DAY, DAY + 90, SPAM))[0]
        document = json.loads(json.dumps(event.as_json()))
        assert document["event"] == "opened"
        assert document["at"].endswith("Z")
        assert {
            "incident",
            "shop",
            "route",
            "provider",
            "seed",
            "cause",
            "probability",
            "why",
        } <= set(document)


def random_trace(seed: int) -> list[Observation]:
    """Two days of two shops with faults, corrections, clock slips and unread mailboxes."""
    rng = random.Random(seed)
    found: list[Observation] = []
    for shop in ("demo", "other"):
        for route in ALL:
            fault = rng.choice([INBOX, SPAM, MISSING, UNSENT])
            begins = rng.uniform(0, DAY)
            for plain in rounds(0, DAY, routes=(route,), shop=shop):
                minute = (plain.at - START).total_seconds() / 60
                ill = begins < minute < begins + 200
                found.append(twisted(rng, plain, fault if ill else INBOX))
    found.sort(key=lambda o: o.at)
    late = [replace(o, verdict=INBOX) for o in found if o.verdict is MISSING and rng.random() < 0.4]
    return mixed(found, (replace(o, at=o.at.replace(minute=59)) for o in late))


def twisted(rng: random.Random, plain: Observation, fault: Verdict) -> Observation:
    verdict = rng.choices([fault, SPAM, MISSING, UNOBSERVED], [90, 4, 4, 2])[0]
    latency = rng.choice([4.0, 4.0, 900.0, None])
    return replace(plain, verdict=verdict, latency_s=latency, dmarc=rng.choice(["pass", "fail"]))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.floats(0, 1))
def test_a_restart_at_any_point_changes_nothing(seed: int, cut: float) -> None:
    trace = random_trace(seed)
    whole = Watch()
    expected = fed(whole, trace)
    first, second = Watch(), Watch()
    half = round(cut * len(trace))
    events = fed(first, trace[:half])
    second.restore(json.loads(json.dumps(first.snapshot())))
    events += fed(second, trace[half:])
    assert [e.as_json() for e in events] == [e.as_json() for e in expected]
    assert json.dumps(second.snapshot()) == json.dumps(whole.snapshot())


def test_persisting_only_what_changed_is_as_good_as_everything() -> None:
    watch, ledger = Watch(), dict[str, str]()
    for observation in random_trace(7):
        watch.observe(observation)
        ledger |= {json.dumps(lane["key"]): json.dumps(lane) for lane in watch.changed_lanes()}
    assert sorted(ledger.values()) == sorted(json.dumps(lane) for lane in watch.snapshot())
    assert watch.changed_lanes() == []


def test_nothing_of_a_lane_is_left_out_when_it_is_written() -> None:
    watch = Watch()
    fed(watch, random_trace(3))
    for lane in watch.lanes.values():
        again = lane_from_json(json.loads(json.dumps(lane.as_json())))
        for name in Lane.__slots__:
            assert getattr(again, name) == getattr(lane, name)


def test_random_traces_do_open_and_close() -> None:
    """Otherwise the tests above would prove nothing."""
    events = [event for seed in range(6) for event in fed(Watch(), random_trace(seed))]
    assert {event.event for event in events} >= {
        Happening.OPENED,
        Happening.CLOSED,
        Happening.CAUSE,
    }


def test_shops_do_not_meet() -> None:
    watch = Watch()
    fed(watch, mixed(rounds(0, DAY), rounds(0, DAY, shop="other")))
    events = fed(watch, mixed(rounds(DAY, DAY + 90, SPAM), rounds(DAY, DAY + 90, shop="other")))
    assert {event.shop for event in events} == {"demo"}


@pytest.mark.parametrize("verdict", [SPAM, MISSING])
def test_five_seeds_open_as_soon_as_three(verdict: Verdict) -> None:
    watch = Watch()
    fed(watch, rounds(0, DAY, seeds=5))
    assert fed(watch, rounds(DAY, DAY + 30, verdict, seeds=5))[0].event is Happening.OPENED
