"""Absence needs a witness, and late is not missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.lifecycles.probe import PROBE, ProbeState
from daemon.rulings.settling import LOST_AFTER, latency_s, next_look, settle

DEADLINE = datetime(2026, 1, 5, 12, 6, tzinfo=UTC)
PATIENCE = timedelta(minutes=2)
S = ProbeState
second = timedelta(seconds=1)


def ruled(state: ProbeState, looked: timedelta | None, now: timedelta) -> ProbeState | None:
    looked_at = None if looked is None else DEADLINE + looked
    return settle(state, DEADLINE, looked_at, DEADLINE + now, PATIENCE)


def test_before_its_deadline_nothing_is_said_of_a_probe() -> None:
    assert all(ruled(state, second, -second) is None for state in S)


def test_a_mailbox_read_after_the_deadline_makes_an_unseen_probe_overdue() -> None:
    assert ruled(S.SUBMITTED, second, 2 * second) is S.OVERDUE


def test_a_look_that_began_before_the_deadline_is_no_witness() -> None:
    assert ruled(S.SUBMITTED, -second, 2 * second) is None


def test_a_mailbox_that_stays_unread_makes_the_probe_unobserved_and_not_missing() -> None:
    assert ruled(S.SUBMITTED, -second, PATIENCE) is S.UNOBSERVED
    assert ruled(S.SUBMITTED, None, PATIENCE) is S.UNOBSERVED


def test_an_unobserved_probe_becomes_overdue_once_the_mailbox_is_read_without_it() -> None:
    assert ruled(S.UNOBSERVED, timedelta(hours=5), timedelta(hours=6)) is S.OVERDUE
    assert ruled(S.UNOBSERVED, None, timedelta(hours=6)) is None


def test_an_overdue_probe_is_lost_only_after_two_days() -> None:
    assert ruled(S.OVERDUE, second, LOST_AFTER - second) is None
    assert ruled(S.OVERDUE, second, LOST_AFTER) is S.LOST


def test_a_planned_probe_whose_sender_died_is_unsent_and_never_missing() -> None:
    assert ruled(S.PLANNED, second, second) is S.UNSENT


@pytest.mark.parametrize("state", list(S))
def test_every_ruling_is_a_move_of_the_lifecycle(state: ProbeState) -> None:
    for looked in (None, -second, second):
        for now in (second, PATIENCE, LOST_AFTER):
            new = ruled(state, looked, now)
            if new is not None:
                PROBE.require(state, new)


def test_a_sighted_probe_is_looked_at_after_1_24_and_48_hours() -> None:
    looks = [next_look(DEADLINE, n) for n in range(4)]
    assert [look and look - DEADLINE for look in looks] == [
        timedelta(hours=1),
        timedelta(hours=24),
        timedelta(hours=48),
        None,
    ]


def test_latency_runs_from_our_250_to_the_providers_received() -> None:
    at = DEADLINE
    assert latency_s(at, at + 7 * second, at + 9 * second) == 7
    assert latency_s(at, None, at + 9 * second) == 9
    assert latency_s(at, at - second, at) == 0
    assert latency_s(None, at, at) is None
