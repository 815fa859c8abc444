"""The life of an incident: one table."""

from __future__ import annotations

import pytest

from daemon.lifecycles.incident import INCIDENT, STANDING, IncidentState
from daemon.lifecycles.transitions import IllegalMove

S = IncidentState


def test_a_relapse_reopens_what_was_resolved_or_recovering() -> None:
    assert {S.RESOLVED, S.RECOVERING} <= set(INCIDENT.sources(S.OPEN))


def test_only_a_recovering_incident_is_resolved() -> None:
    assert INCIDENT.sources(S.RESOLVED) == (S.RECOVERING,)


def test_nothing_becomes_suspected_again_and_what_was_dismissed_stays_so() -> None:
    with pytest.raises(IllegalMove):
        INCIDENT.sources(S.SUSPECTED)
    assert S.DISMISSED not in INCIDENT.moves


def test_whatever_stands_can_be_dismissed_and_can_recover() -> None:
    assert set(INCIDENT.sources(S.DISMISSED)) >= STANDING
    assert {S.OPEN, S.ACKNOWLEDGED} == set(INCIDENT.sources(S.RECOVERING))
