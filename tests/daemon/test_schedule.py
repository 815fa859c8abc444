"""The schedule: steady, staggered, capped, and never a backlog."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from daemon.rulings.schedule import Cadence, Due, Key, Pair, due, slot_at

EVERY = timedelta(minutes=20)
CADENCE = Cadence(
    {"primary": EVERY, "fallback": EVERY * 6, "control": EVERY * 6},
    jitter=0.2,
    per_seed_per_day=130,
)
T0 = datetime(2026, 1, 5, tzinfo=UTC)
PRIMARY = Pair("demo", "primary", "primary", "gmail-1")
FALLBACK = Pair("demo", "fallback", "fallback", "gmail-1")


def run(
    pairs: list[Pair], cadence: Cadence, hours: float, step_s: int = 10
) -> list[tuple[datetime, Due]]:
    last: dict[Key, datetime] = {}
    sent: list[tuple[datetime, Due]] = []
    now = T0
    while now < T0 + timedelta(hours=hours):
        day = [d for at, d in sent if at > now - timedelta(days=1)]
        counts = {p.seed: sum(d.pair.seed == p.seed for d in day) for p in pairs}
        for d in due(pairs, cadence, last, counts, now):
            last[d.pair.key] = d.slot
            sent.append((now, d))
        now += timedelta(seconds=step_s)
    return sent


def test_a_primary_route_probes_a_seed_at_its_cadence() -> None:
    sent = run([PRIMARY], CADENCE, hours=10)
    assert len(sent) in {30, 31}
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(sent)]
    assert all(EVERY * 0.79 <= gap <= EVERY * 1.21 for gap in gaps[1:])


def test_jitter_moves_the_probes_within_their_slots() -> None:
    sent = run([PRIMARY], CADENCE, hours=10)
    waits = {(at - d.slot).total_seconds() // 10 for at, d in sent[1:]}
    assert len(waits) > 5


def test_seeds_are_staggered() -> None:
    pairs = [Pair("demo", "primary", "primary", f"gmail-{n}") for n in range(6)]
    starts = {slot_at(p, EVERY, 0, T0) for p in pairs}
    assert len(starts) == 6


def test_after_a_pause_one_probe_is_sent_and_not_the_backlog() -> None:
    long_ago = {PRIMARY.key: T0 - timedelta(days=3)}
    now = T0 + timedelta(minutes=19)
    assert len(due([PRIMARY], CADENCE, long_ago, {}, now)) == 1


def test_a_slot_is_due_once() -> None:
    now = T0 + timedelta(minutes=19)
    [first] = due([PRIMARY], CADENCE, {}, {}, now)
    assert due([PRIMARY], CADENCE, {PRIMARY.key: first.slot}, {}, now) == []


def test_the_cap_holds_over_all_routes_and_the_primary_goes_first() -> None:
    now = T0 + timedelta(hours=1, minutes=59)
    left_one = {"gmail-1": CADENCE.per_seed_per_day - 1}
    assert [d.pair for d in due([FALLBACK, PRIMARY], CADENCE, {}, left_one, now)] == [PRIMARY]
    full = {"gmail-1": CADENCE.per_seed_per_day}
    assert due([FALLBACK, PRIMARY], CADENCE, {}, full, now) == []


def test_a_small_cap_is_never_passed_in_any_24_hours() -> None:
    small = Cadence(CADENCE.every, 0.2, per_seed_per_day=7)
    sent = [at for at, _ in run([PRIMARY, FALLBACK], small, hours=60, step_s=60)]
    for at in sent:
        assert sum(at - timedelta(days=1) < other <= at for other in sent) <= 7


def test_a_clock_set_back_by_a_day_doubles_no_slot_and_silences_nobody() -> None:
    now = T0 + timedelta(minutes=19)
    [wrong] = due([PRIMARY], CADENCE, {}, {}, now + timedelta(days=1))
    [right] = due([PRIMARY], CADENCE, {PRIMARY.key: wrong.slot}, {}, now)
    assert right.slot != wrong.slot
    assert due([PRIMARY], CADENCE, {PRIMARY.key: right.slot}, {}, now) == []


@given(st.integers(0, 10**7), st.text(max_size=8), st.floats(0, 0.9))
def test_a_slot_never_lies_in_the_future_nor_more_than_a_period_back(
    seconds: int, seed: str, jitter: float
) -> None:
    now = T0 + timedelta(seconds=seconds)
    slot = slot_at(Pair("s", "r", "primary", seed), EVERY, jitter, now)
    assert slot is None or now - EVERY - timedelta(seconds=1) <= slot <= now
