"""The life of an incident: a span in which receipts of one route did not land at one provider.

"The owner was told" is no state: it is the log of notices. Suspicion is none either: it stands in
the belief, and most of it passes without anybody's knowing. A relapse begins a new episode of the
same incident.
"""

from __future__ import annotations

from enum import StrEnum

from daemon.lifecycles.transitions import Lifecycle


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


_S = IncidentState

INCIDENT: Lifecycle[IncidentState] = Lifecycle(
    "incident",
    {
        _S.OPEN: {
            _S.ACKNOWLEDGED: "somebody is on it",
            _S.RECOVERING: "receipts begin to land again",
            _S.RESOLVED: "receipts land again",
            _S.DISMISSED: "somebody says that it was none",
        },
        _S.ACKNOWLEDGED: {
            _S.RECOVERING: "receipts begin to land again",
            _S.RESOLVED: "receipts land again",
            _S.DISMISSED: "somebody says that it was none",
        },
        _S.RECOVERING: {
            _S.OPEN: "it came back before it was over",
            _S.ACKNOWLEDGED: "somebody is on it",
            _S.RESOLVED: "receipts land again",
            _S.DISMISSED: "somebody says that it was none",
        },
        _S.RESOLVED: {_S.OPEN: "a relapse: the same trouble within two hours"},
        _S.DISMISSED: {_S.OPEN: "the trouble came back after it had ended"},
    },
)

ENDED: frozenset[IncidentState] = frozenset({_S.RESOLVED, _S.DISMISSED})
"""States of an incident that is over."""
