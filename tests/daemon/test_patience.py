"""Trouble makes the reader wait longer, never hammer."""

from __future__ import annotations

from datetime import timedelta

from daemon.rulings.patience import LONGEST, back_off, look_every


def test_the_wait_doubles_from_five_seconds_to_a_quarter_of_an_hour() -> None:
    waits = [back_off(n).total_seconds() for n in range(1, 12)]
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == LONGEST.total_seconds()
    assert back_off(10_000) == LONGEST


def test_while_a_probe_is_awaited_looks_are_closer_together() -> None:
    six = timedelta(minutes=6)
    assert look_every(six, expecting=True) == 15
    assert look_every(six, expecting=False) == 60
    assert look_every(timedelta(seconds=10), expecting=True) == 1
    assert look_every(timedelta(seconds=10), expecting=False) == 2.5
