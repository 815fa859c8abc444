"""The belief of one route × provider, against the whole table and worked by hand."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from daemon.rulings.standing import Standing, advance, correct, relearn
from daemon.rulings.standing.cells import Cell, Habit
from daemon.rulings.thresholds import Thresholds
from tests.daemon.rulings.traces import (
    INBOX,
    MISSING,
    SPAM,
    START,
    UNOBSERVED,
    UNSENT,
    probe,
)
from tests.daemon.rulings.whole_table import WholeTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.rulings.observations import Observation, Verdict

# A prior of practically nothing: every baseline stands at its floor, as the whole table assumes.
FLOORED = Thresholds().with_(prior_bad=1e-9, prior_good=1e9, baseline_memory=1e-9)
T = Thresholds()


def new(t: Thresholds = T) -> Standing:
    return Standing.new(START.timestamp(), t)


def after(
    trace: Iterable[Observation], t: Thresholds = T, standing: Standing | None = None
) -> Standing:
    standing = standing or new(t)
    for observation in trace:
        standing = advance(standing, observation, t)
    return standing


def enrolled(seeds: int, t: Thresholds = T, *, hours: int = 12) -> Standing:
    return after(
        (
            probe(10 * turn + 3 * seed, seed=f"gmail-{seed}")
            for turn in range(hours * 6)
            for seed in range(1, seeds + 1)
        ),
        t,
    )


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize("world", range(6))
def test_the_filter_agrees_with_the_whole_table(seeds: int, world: int) -> None:
    rng = random.Random(f"{seeds}/{world}")
    whole, standing = WholeTable(seeds, FLOORED), new(FLOORED)
    weights = rng.choice([(97, 2, 1, 0), (40, 50, 8, 2), (40, 5, 50, 5), (70, 28, 2, 0)])
    for turn in range(90):
        minute, seed = 4 * turn + rng.randrange(3), turn % seeds
        verdict = rng.choices([INBOX, SPAM, MISSING, UNSENT], weights)[0]
        expected = whole.see(minute, seed, verdict)
        seen = probe(minute, verdict, seed=f"gmail-{seed}")
        standing = advance(standing, seen, FLOORED)
        if turn >= seeds:  # the daemon's enrols a seed only when it is first seen
            assert standing.p_bad == pytest.approx(expected, abs=2e-3)
    for seed in range(seeds):
        for habit in Habit:
            assert standing.chance(f"gmail-{seed}", habit) == pytest.approx(
                whole.habit(seed, habit), abs=2e-3
            )


def test_with_two_flipped_seeds_of_three_the_route_is_not_blamed_for_long() -> None:
    """Pairs of faulty seeds are believed in, which seeds judged one by one would not give."""
    verdicts: dict[int, Verdict] = {0: INBOX, 1: SPAM, 2: SPAM}
    whole, standing = WholeTable(3, FLOORED), new(FLOORED)
    turns = [INBOX] * 60 + [None] * 60
    for turn, fixed in enumerate(turns):
        seed = turn % 3
        verdict = fixed or verdicts[seed]
        expected = whole.see(4 * turn, seed, verdict)
        standing = advance(standing, probe(4 * turn, verdict, seed=f"gmail-{seed}"), FLOORED)
        assert standing.p_bad == pytest.approx(expected, abs=2e-2)
    assert standing.p_bad < 0.05


def test_one_spam_worked_by_hand() -> None:
    """One seed, never seen before, the very first probe in spam."""
    t = FLOORED
    faults, blips, bursts = 400 / 525_600, 70 / 525_600, 60 / 525_600
    ok = 1 - 3 * faults - blips - bursts
    share = t.first_seed_share * 1.5 * 1440 / 525_600
    flipped, locked = 20 * share, 4 * share
    # P(spam | cell) of a well seed, of a flipped one, and of a locked one, times P(arrived | cell)
    here = 0.99 * (ok * 0.004 + blips * 0.65 + faults * (0.004 + 0.4 * 0.996) + faults * 0.92)
    here += 0.15 * faults * 0.004 + 0.7 * bursts * 0.004
    flip = 0.99 * 0.93 * (ok + blips + 2 * faults) + 0.15 * 0.93 * faults + 0.7 * 0.93 * bursts
    lock = 0.015 * (ok * 0.004 + blips * 0.65 + faults * (0.4024 + 0.92 + 0.004) + bursts * 0.004)
    bad = 0.99 * faults * (0.4024 + 0.92) + 0.15 * faults * 0.004
    bad += flipped * (0.99 * 0.93 * 2 * faults + 0.15 * 0.93 * faults)
    bad += locked * 0.015 * faults * (0.4024 + 0.92 + 0.004)
    expected = bad / (here + flipped * flip + locked * lock)
    standing = advance(new(t), probe(0, SPAM), t)
    assert standing.p_bad == pytest.approx(expected, rel=1e-6)
    assert standing.chance("gmail-1", Habit.FLIPPED) == pytest.approx(
        flipped * flip / (here + flipped * flip + locked * lock), rel=1e-6
    )


def test_every_belief_sums_to_one() -> None:
    standing = after(probe(3 * i, SPAM if i % 5 else MISSING, seed=f"s{i % 4}") for i in range(80))
    assert sum(standing.cells()) == pytest.approx(1)
    for seed in standing.seeds:
        assert sum(standing.chance(seed, habit) for habit in Habit) == pytest.approx(1)


def test_a_probe_that_nobody_could_see_is_no_evidence() -> None:
    before = enrolled(2)
    assert advance(before, probe(720, UNOBSERVED), T) is before


def test_one_bad_probe_is_no_proof_and_three_are() -> None:
    standing = enrolled(3)
    seen = []
    for turn in range(4):
        standing = advance(standing, probe(720 + 3 * turn, SPAM, seed=f"gmail-{turn % 3 + 1}"), T)
        seen.append(standing.p_bad)
    assert seen[0] < 0.05
    assert seen[3] > 0.4
    assert seen == sorted(seen)


def test_a_locked_seed_alone_says_nothing_about_the_route() -> None:
    standing = enrolled(3)
    for turn in range(30):
        minute = 720 + 10 * turn
        standing = advance(standing, probe(minute, MISSING), T)
        for seed in (2, 3):
            standing = advance(standing, probe(minute + seed, seed=f"gmail-{seed}"), T)
        assert standing.p_bad < 0.2
    assert standing.chance("gmail-1", Habit.LOCKED) > 0.99
    assert standing.p_bad < 0.01


def test_what_the_relay_does_not_take_is_the_routes_fault_and_not_the_seeds() -> None:
    unsent = after((probe(720 + 3 * i, UNSENT) for i in range(5)), standing=enrolled(3))
    missing = after((probe(720 + 3 * i, MISSING) for i in range(5)), standing=enrolled(3))
    assert unsent.p_bad > 0.9 > missing.p_bad
    assert unsent.chance("gmail-1", Habit.LOCKED) < 0.01
    assert unsent.cells()[Cell.MISSING] > 0.9


def test_silence_is_no_sign_of_health() -> None:
    """After any gap the belief has aged by half an hour at most."""
    ill = after(
        (probe(720 + 3 * i, SPAM, seed=f"gmail-{i % 3 + 1}") for i in range(8)),
        standing=enrolled(3),
    )
    soon = advance(ill, probe(741 + 30, INBOX), T)
    late = advance(ill, probe(741 + 60 * 24 * 3, INBOX), T)
    assert late.p_bad == pytest.approx(soon.p_bad, abs=0.01)


def test_an_older_observation_is_applied_without_a_step_in_time() -> None:
    standing = enrolled(2)
    older = advance(standing, probe(700, SPAM), T)
    assert older.at == standing.at
    now = replace(probe(700, SPAM), at=START + timedelta(seconds=standing.at - START.timestamp()))
    assert older.p_bad == pytest.approx(advance(standing, now, T).p_bad, rel=1e-2)


def test_a_clock_that_had_run_ahead_does_not_stop_the_standing_for_years() -> None:
    ahead = advance(enrolled(2), probe(60 * 24 * 3650), T)
    again = advance(ahead, probe(740), T)
    assert again.at == (START + timedelta(minutes=740)).timestamp()


class TestBaselines:
    def test_a_seed_with_a_habit_needs_more_proof(self) -> None:
        usual = (SPAM if turn % 5 == 0 else INBOX for turn in range(240))
        habit = after(
            probe(10 * turn + 2 * s, v if s == 1 else INBOX, seed=f"gmail-{s}")
            for turn, v in enumerate(usual)
            for s in (1, 2, 3)
        )
        clean = enrolled(3, hours=40)
        t = 2400 + 10
        assert habit.baseline("gmail-1").spam_rate(T) > 0.1 > clean.baseline("gmail-1").spam_rate(T)
        assert advance(habit, probe(t, SPAM), T).p_bad < advance(clean, probe(t, SPAM), T).p_bad / 5

    def test_it_is_frozen_while_suspicion_stands(self) -> None:
        ill = after(
            (probe(720 + 3 * i, SPAM, seed=f"gmail-{i % 3 + 1}") for i in range(6)),
            standing=enrolled(3),
        )
        assert ill.p_bad > T.suspect_at
        worse = after(
            (probe(740 + 3 * i, SPAM, seed=f"gmail-{i % 3 + 1}") for i in range(60)), standing=ill
        )
        assert worse.baselines == ill.baselines

    def test_a_seed_that_is_always_spam_tells_of_arrival_only(self) -> None:
        standing = relearn(enrolled(2), "gmail-1", T)
        assert not standing.baseline("gmail-1").usable(T)
        spam, inbox = (advance(standing, probe(730, v), T).p_bad for v in (SPAM, INBOX))
        assert spam == pytest.approx(inbox)
        gone = after(
            (probe(730 + 3 * i, MISSING, seed=f"gmail-{i % 2 + 1}") for i in range(6)),
            standing=standing,
        )
        assert gone.cells()[Cell.MISSING] > 0.9

    def test_it_follows_a_seed_that_has_come_back(self) -> None:
        standing = relearn(enrolled(2), "gmail-1", T)
        back = after((probe(730 + 10 * i) for i in range(150)), standing=standing)
        assert back.baseline("gmail-1").usable(T)


class TestCorrections:
    def test_a_verdict_taken_back_leaves_the_belief_that_the_right_one_gives(self) -> None:
        wrong = advance(enrolled(3), probe(720, MISSING), T)
        right = advance(enrolled(3), probe(720, INBOX), T)
        put_right = correct(wrong, "gmail-1", (MISSING, False), (INBOX, False), T)
        assert put_right.p_bad == pytest.approx(right.p_bad, rel=0.05)
        assert wrong.p_bad > 10 * right.p_bad

    def test_late_is_not_missing_but_not_good_either(self) -> None:
        """The deadline was missed all the same; only a locked mailbox is ruled out."""
        ill = after(
            (probe(720 + 3 * i, MISSING, seed=f"gmail-{i % 3 + 1}") for i in range(5)),
            standing=enrolled(3),
        )
        late = correct(ill, "gmail-1", (MISSING, False), (INBOX, True), T)
        assert late.p_bad == pytest.approx(ill.p_bad, abs=0.1)
        assert late.p_bad > 0.8

    def test_late_mail_frees_a_seed_from_the_suspicion_of_being_locked(self) -> None:
        locked = after(
            (
                probe(720 + 5 * i, MISSING if i % 2 else INBOX, seed=f"gmail-{2 - i % 2}")
                for i in range(16)
            ),
            standing=enrolled(2),
        )
        late = correct(locked, "gmail-1", (MISSING, False), (INBOX, True), T)
        before, after_ = (s.chance("gmail-1", Habit.LOCKED) for s in (locked, late))
        assert before > 0.99
        assert after_ / (1 - after_) < before / (1 - before) / 20

    def test_a_probe_moved_to_spam_later_counts_as_spam(self) -> None:
        moved = correct(
            advance(enrolled(3), probe(720), T), "gmail-1", (INBOX, False), (SPAM, False), T
        )
        assert moved.p_bad == pytest.approx(
            advance(enrolled(3), probe(720, SPAM), T).p_bad, rel=1e-3
        )

    def test_a_seed_that_is_no_longer_known_changes_nothing(self) -> None:
        standing = enrolled(2)
        assert correct(standing, "gone", (MISSING, False), (INBOX, False), T) is standing


class TestSize:
    def test_a_healthy_route_keeps_few_rows_and_a_ninth_seed_takes_the_place_of_another(
        self,
    ) -> None:
        standing = enrolled(5)
        assert len(standing.rows) == 1 + 2 * 5
        many = after(probe(i, seed=f"s{i}") for i in range(40))
        assert len(many.seeds) == 8
        assert len(many.rows) <= 577

    def test_a_seed_unseen_for_two_weeks_makes_room(self) -> None:
        standing = advance(enrolled(2), probe(60 * 24 * 15, seed="gmail-2"), T)
        assert advance(standing, probe(60 * 24 * 15 + 1, seed="new"), T).seeds == ("gmail-2", "new")

    def test_it_is_small_and_exact_as_json(self) -> None:
        standing = enrolled(3)
        text = json.dumps(standing.as_json())
        assert len(text) < 1500
        assert Standing.from_json(json.loads(text)) == standing
