"""The life of a probe: one seeded receipt, sent by one route to one seed.

The row, with its token, is committed as PLANNED before the network is touched, and only the
process that inserted it ever sends it. A process that dies in between leaves PLANNED behind: such
a probe is looked for like any other, and is never sent again.
"""

from __future__ import annotations

from enum import StrEnum

from daemon.lifecycles.transitions import Lifecycle


class ProbeState(StrEnum):
    """Where a probe stands."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    SIGHTED = "sighted"
    OVERDUE = "overdue"
    LOST = "lost"
    UNSENT = "unsent"
    UNOBSERVED = "unobserved"


_S = ProbeState

PROBE: Lifecycle[ProbeState] = Lifecycle(
    "probe",
    {
        _S.PLANNED: {
            _S.SUBMITTED: "the relay answered 250",
            _S.UNSENT: "the relay refused, or nobody knows whether it was sent",
            _S.SIGHTED: "found although the reply was never recorded",
        },
        _S.SUBMITTED: {
            _S.SIGHTED: "found in the seed's mailbox",
            _S.OVERDUE: "the mailbox was read after the deadline and it was not there",
            _S.UNOBSERVED: "the mailbox could not be read up to the deadline",
        },
        _S.OVERDUE: {
            _S.SIGHTED: "arrived late: late is not missing",
            _S.LOST: "not found within 48 hours",
        },
        _S.UNOBSERVED: {
            _S.SIGHTED: "found once the mailbox could be read again",
            _S.OVERDUE: "the mailbox can be read again and it is not there",
        },
        _S.UNSENT: {
            _S.SIGHTED: "found although the relay had refused it or gone silent",
        },
    },
)

UNSETTLED: frozenset[ProbeState] = frozenset({_S.PLANNED, _S.SUBMITTED, _S.OVERDUE, _S.UNOBSERVED})
"""States of a probe that is still looked for."""
