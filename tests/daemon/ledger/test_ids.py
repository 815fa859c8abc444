"""Ids stand in the order of their making, and none is made twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon.ledger import ids
from daemon.ledger.ids import next_id
from probes.token import ALPHABET

NOW_NS = 1_795_000_000_000_000_000


@pytest.fixture
def clock_ns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time that it is, changeable; the sequence goes on where it was afterwards."""
    now = [NOW_NS]
    monkeypatch.setattr(time, "time_ns", lambda: now[0])
    monkeypatch.setattr(ids, "_last", 0)
    return now


def test_an_id_is_twelve_characters_of_the_alphabet() -> None:
    assert len(next_id()) == 12
    assert set(next_id()) <= set(ALPHABET)


def test_a_thousand_in_one_millisecond_stand_in_order(clock_ns: list[int]) -> None:
    made = [next_id() for _ in range(1000)]
    assert made == sorted(set(made))
    clock_ns[0] += 1_000_000_000
    assert next_id() > made[-1]


def test_a_clock_that_is_set_back_repeats_nothing(clock_ns: list[int]) -> None:
    before = [next_id() for _ in range(10)]
    for clock_ns[0] in (NOW_NS - 10**18, 0):
        after = [next_id() for _ in range(10)]
        assert not set(after) & set(before)
        assert len(set(after)) == 10


@pytest.mark.usefixtures("clock_ns")
def test_a_process_that_starts_in_the_same_millisecond_draws_another_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = set()
    for _ in range(50):
        monkeypatch.setattr(ids, "_last", 0)
        drawn.add(next_id())
    assert len({one[:8] for one in drawn}) == 1
    assert len(drawn) > 45


def test_threads_at_once_are_given_different_ones() -> None:
    with ThreadPoolExecutor(4) as threads:
        many = list(threads.map(lambda _: [next_id() for _ in range(2000)], range(4)))
    assert len({one for made in many for one in made}) == 8000
    assert all(made == sorted(made) for made in many)
