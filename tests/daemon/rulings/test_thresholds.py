"""Thresholds: every number is there, may be changed, and is checked."""

from __future__ import annotations

import pytest

from daemon.rulings.thresholds import NAMES, Thresholds


def test_numbers_are_set_by_words() -> None:
    changed = Thresholds().assigned(["open_at=.88", "deadline_min = 20"])
    assert (changed.open_at, changed.deadline_min) == (0.88, 20.0)
    assert Thresholds().open_at != 0.88


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("open=.9", "open: no such threshold; there are open_at, "),
        ("open_at", "'open_at': write name=value"),
        ("open_at=high", "open_at: 'high' is no number"),
        ("open_at=1.2", "open_at: 1.2 is no probability below 1"),
        ("open_at=nan", "open_at: nan is not above 0"),
        ("flip_min=-5", "flip_min: -5.0 is not above 0"),
        ("open_at=.05", "close_below: must be below open_at"),
    ],
)
def test_what_makes_no_sense_is_named(words: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Thresholds().assigned([words])


@pytest.mark.parametrize("name", NAMES)
def test_every_number_may_be_set(name: str) -> None:
    now = getattr(Thresholds(), name)
    assert getattr(Thresholds().assigned([f"{name}={now * 0.99}"]), name) == now * 0.99


def test_suspicion_stands_at_a_quarter_of_the_way() -> None:
    assert Thresholds().with_(open_at=0.8).suspect_at == pytest.approx(0.2)
