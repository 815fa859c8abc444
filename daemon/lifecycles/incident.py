"""The life of an incident: a span in which a standing was bad, with a cause.

Whether the owner was told is no state: that is the log of notices.
"""

from __future__ import annotations

from enum import StrEnum

from daemon.lifecycles.transitions import Lifecycle


class IncidentState(StrEnum):
    """Where an incident stands."""

    SUSPECTED = "suspected"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


_S = IncidentState

INCIDENT: Lifecycle[IncidentState] = Lifecycle(
    "incident",
    {
        _S.SUSPECTED: {
            _S.OPEN: "more bad probes: something lasting is likely wrong",
            _S.DISMISSED: "good probes: it was a passing nuisance",
        },
        _S.OPEN: {
            _S.ACKNOWLEDGED: "a person has seen it",
            _S.RECOVERING: "probes land again",
            _S.DISMISSED: "a person says that it is none",
        },
        _S.ACKNOWLEDGED: {
            _S.RECOVERING: "probes land again",
            _S.DISMISSED: "a person says that it is none",
        },
        _S.RECOVERING: {
            _S.OPEN: "bad probes again",
            _S.RESOLVED: "every seed's probes land again",
            _S.DISMISSED: "a person says that it is none",
        },
        _S.RESOLVED: {
            _S.OPEN: "a relapse",
        },
    },
)

STANDING: frozenset[IncidentState] = frozenset({_S.OPEN, _S.ACKNOWLEDGED, _S.RECOVERING})
"""States of an incident that the owner is told of and that is not over."""
