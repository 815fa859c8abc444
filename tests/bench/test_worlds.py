from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from daemon.rulings import schedule
from daemon.rulings.observations import Verdict
from tests.bench.worlds import faults
from tests.bench.worlds.alarms import Alarm
from tests.bench.worlds.chance import stream
from tests.bench.worlds.competitors import lorden_minutes
from tests.bench.worlds.figures import delays
from tests.bench.worlds.ours import Ours
from tests.bench.worlds.reacting import Reaction
from tests.bench.worlds.running import competitors, run, trace
from tests.bench.worlds.scenarios import SCENARIOS
from tests.bench.worlds.schedules import Cadence, Rounds, role, sent_per_day
from tests.bench.worlds.score import judge
from tests.bench.worlds.trouble import DAY, HOUR, Fault, Trouble
from tests.bench.worlds.world import BEGAN, DEADLINE, PROVIDERS, ROUTES, SHOP, World

if TYPE_CHECKING:
    from tests.bench.worlds.running import Trace

LANE = ("primary", "gmail")
BAD = {Verdict.SPAM, Verdict.MISSING}


def world_with(trouble: Trouble, number: int = 7) -> World:
    fault = Fault("test", trouble, frozenset({LANE[0]}), frozenset({LANE[1]}))
    return World(number, "test", 4, (fault,))


def lines_of(world: World) -> Trace:
    return trace(world, Rounds().sends(world))


def test_a_probe_has_the_same_fate_whatever_else_is_sent() -> None:
    draft, channel = SCENARIOS["S2"], ("primary", "gmail", "gmail-2")
    crowded = draft(100)
    trace(crowded, Rounds(300).sends(crowded))
    moments = range(200_000, 400_000, 977)
    assert [crowded.outcome(at, channel) for at in moments] == [
        draft(100).outcome(at, channel) for at in moments
    ]


def test_worlds_of_other_numbers_and_scenarios_are_other_worlds() -> None:
    verdicts = {
        tuple(line.verdict for _, line in lines_of(SCENARIOS[name](number)))
        for name, number in (("S1", 100), ("S1", 101), ("S5", 100))
    }
    assert len(verdicts) == 3


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_reports_in_the_order_in_which_things_become_known(name: str) -> None:
    world = SCENARIOS[name](100)
    lines = trace(world, Rounds(3600).sends(world))
    assert all(before[0] <= after[0] for before, after in pairwise(lines))
    assert {(line.route, line.provider, line.seed) for _, line in lines} == set(world.channels)
    assert bool(world.faults) == (name != "S0")


def test_what_is_not_there_at_its_deadline_is_missing_and_corrected_when_it_comes() -> None:
    world = world_with(Trouble(2 * DAY, 3 * DAY, slow=1.0, delay_s=2700))
    lines = [line for _, line in lines_of(world) if (line.route, line.provider) == LANE]
    said: dict[str, list[Verdict]] = {}
    for line in lines:
        said.setdefault(line.probe, []).append(line.verdict)
        if line.verdict is Verdict.MISSING:
            assert (line.at - line.sent_at).total_seconds() == DEADLINE
    late = [verdicts for verdicts in said.values() if verdicts[0] is Verdict.MISSING]
    assert len(late) > 300
    assert sum(len(found) == 2 and found[1] not in BAD for found in late) > 0.9 * len(late)


def test_a_fault_is_in_its_lane_and_in_its_time_only() -> None:
    world = world_with(Trouble(2 * DAY, 3 * DAY, spam=0.95))

    def share(lane: tuple[str, str], start: float, end: float) -> float:
        found = [
            line.verdict is Verdict.SPAM
            for at, line in lines_of(world)
            if (line.route, line.provider) == lane and start <= at < end
        ]
        return sum(found) / len(found)

    assert share(LANE, 2 * DAY, 3 * DAY) > 0.9
    assert share(LANE, 0, 2 * DAY) < 0.1
    assert share(("fallback", "gmail"), 2 * DAY, 3 * DAY) < 0.1


def test_only_the_chosen_templates_suffer() -> None:
    world = world_with(Trouble(2 * DAY, 3 * DAY, spam=1.0, templates=frozenset({"t2"})))
    during = [
        line
        for at, line in lines_of(world)
        if (line.route, line.provider) == LANE and 2 * DAY + HOUR < at < 3 * DAY
    ]
    spam = {line.template for line in during if line.verdict is Verdict.SPAM}
    seen = {line.template for line in during if line.verdict in (Verdict.INBOX, Verdict.TAB)}
    assert "t2" in spam
    assert seen == {"t1", "t3", "t4"}


def test_an_outage_hits_the_control_too_and_broken_authentication_is_in_the_marks() -> None:
    outage = faults.outage(stream("test"), 2 * DAY)
    assert outage.routes == set(ROUTES)
    broken = faults.broken_authentication(stream("test"), 2 * DAY)
    world = World(3, "test", 3, (broken,))
    marks = {
        (line.route in broken.routes and line.provider in broken.providers, line.dkim)
        for at, line in lines_of(world)
        if broken.start + HOUR < at < broken.end and line.dkim
    }
    assert marks == {(True, "fail"), (False, "pass")}


def test_while_the_daemon_is_down_nothing_is_sent_and_it_reads_its_mailboxes_afterwards() -> None:
    world = SCENARIOS["S12"](100)
    lines = lines_of(world)
    for start, end in world.down:
        assert not any(start <= at < end for at, _ in lines)
        sent = ((line.sent_at.timestamp() - BEGAN) for _, line in lines)
        assert not any(start <= at < end - HOUR for at in sent)


def test_the_simulated_cadence_is_the_daemons_own() -> None:
    cadence = Cadence()
    world = World(1, "S0", 0.25)
    shipped = schedule.Cadence(cadence.every, cadence.jitter, cadence.cap)
    pairs = [schedule.Pair(SHOP, r, role(r), s) for r, _, s in world.channels]
    last: dict[schedule.Key, datetime] = {}
    sent: list[tuple[int, schedule.Key]] = []
    for second in range(0, int(world.days * DAY) + 10, 10):
        now = datetime.fromtimestamp(BEGAN + second, UTC)
        for due in schedule.due(pairs, shipped, last, {}, now):
            last[due.pair.key] = due.slot
            sent.append((second, due.pair.key))
    ours: dict[tuple[str, str], list[int]] = {(c[0], c[2]): [] for c in world.channels}
    for at, channel in cadence.sends(world):
        ours[channel[0], channel[2]].append(at)
    for (route, seed), instants in ours.items():
        theirs = [at for at, key in sent if key[1:] == (route, seed)]
        assert all(min(abs(at - other) for other in theirs) <= 10 for at in instants)
        assert len(theirs) - len(instants) in (0, 1)  # the slot before the world began


def test_rounds_meet_every_channel_equally_and_stagger_the_seeds() -> None:
    world = World(1, "S0", 1)
    sends = Rounds(600).sends(world)
    assert len(sends) == 27 * 144
    gmail = [at for at, (route, provider, _) in sends if (route, provider) == LANE]
    assert {after - before for before, after in pairwise(gmail)} == {200}


def test_a_rule_that_says_nothing_detects_nothing_and_one_that_knows_all_is_at_once() -> None:
    world = SCENARIOS["S1"](100)
    silent = judge(world, [])
    assert delays(silent.detections).undetected == 1
    assert delays(silent.detections).median == 720
    said = []
    for fault in world.faults:
        place = (next(iter(fault.routes)), next(iter(fault.providers)))
        said.append((fault.start + 60, Alarm("opened", *place, "route")))
        said.append((fault.end + 60, Alarm("closed", *place)))
    knowing = judge(world, said)
    assert (delays(knowing.detections).median, knowing.false_alarms) == (1, 0)
    assert all(one.close_min == 1 and one.cause == "route" for one in knowing.detections)


def test_an_alarm_on_a_lane_without_a_fault_is_false_and_counts_once_for_two_hours() -> None:
    world = World(1, "S0", 4)
    said = []
    for hour in (50, 51, 60):
        said.append((hour * HOUR, Alarm("opened", "primary", "yahoo")))
        said.append((hour * HOUR + 600, Alarm("closed", "primary", "yahoo")))
    result = judge(world, said)
    assert result.false_alarms == 2
    assert result.calm_years == pytest.approx(6 * 2 / 365)


def test_the_control_lanes_and_the_time_of_learning_count_for_nobody() -> None:
    world = World(1, "S0", 4)
    said = [
        (60 * HOUR, Alarm("opened", "control", "yahoo")),
        (20 * HOUR, Alarm("opened", "primary", "yahoo")),
    ]
    assert judge(world, said).false_alarms == 0


def test_lordens_bound_is_the_known_one() -> None:
    bounds = [lorden_minutes(p1) for p1 in (0.3, 0.5, 0.7, 0.9, 1.0)]
    assert [round(minutes) for minutes in bounds] == [41, 20, 13, 9, 8]


@pytest.mark.parametrize("name", competitors())
def test_every_competitor_sees_a_hard_fault(name: str) -> None:
    world = world_with(Trouble(2.5 * DAY, 3.2 * DAY, spam=0.97))
    result = run(world, lines_of(world), competitors()[name]())
    assert delays(result.detections).median < 90


def test_the_cap_of_a_day_is_far_from_what_the_shipped_cadence_sends() -> None:
    world = World(1, "S0", 1)
    per_seed = len(Cadence().sends(world)) / (len(PROVIDERS) * world.seeds)
    assert timedelta(days=1) / timedelta(minutes=20) < per_seed < Cadence().cap


def test_suspicion_brings_probes_sooner_and_calm_brings_none() -> None:
    world = world_with(Trouble(2.5 * DAY, 2.7 * DAY, spam=1.0))
    steady = Cadence().sends(world)
    alone = run(world, trace(world, steady), Ours())
    result, per_day = Reaction(world, Ours(), 10_000).run(steady)
    assert delays(result.detections).median < delays(alone.detections).median
    assert 1 < per_day / sent_per_day(steady, world) < 1.5


def test_no_seed_gets_more_than_its_cap_in_24_hours_whatever_is_suspected() -> None:
    world = world_with(Trouble(2.5 * DAY, 2.7 * DAY, spam=1.0))
    _, per_day = Reaction(world, Ours(), 50).run(Cadence().sends(world))
    assert per_day <= 50
