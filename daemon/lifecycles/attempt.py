"""The life of an attempt: one sending of an order's mail by one route to one address.

An attempt is claimed with a lease and a fence, SENDING is committed before the network is touched,
and DATA_SENT before the final dot goes out. Whoever dies up to SENDING has handed nothing over, and
the attempt is taken up again; whoever dies in DATA_SENT leaves IN_DOUBT, which is never resent
blindly. While an attempt is tried again later it is DEFERRED, and claimed from there.
"""

from __future__ import annotations

from enum import StrEnum

from daemon.lifecycles.transitions import Lifecycle


class AttemptState(StrEnum):
    """Where an attempt stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    DATA_SENT = "data_sent"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


_S = AttemptState

ATTEMPT: Lifecycle[AttemptState] = Lifecycle(
    "attempt",
    {
        _S.QUEUED: {
            _S.CLAIMED: "a sender takes it, with a lease",
            _S.CANCELLED: "not to be sent: another attempt took its place, or the address is "
            "suppressed",
        },
        _S.CLAIMED: {
            _S.SENDING: "committed before connecting",
            _S.QUEUED: "the lease ran out, or the sender stopped: nothing was handed over",
            _S.CANCELLED: "the address is suppressed, or its life is over",
        },
        _S.SENDING: {
            _S.DATA_SENT: "committed before the final dot",
            _S.DEFERRED: "the server asked to come later, or could not be reached",
            _S.REJECTED: "the server refused",
            _S.CANCELLED: "another attempt takes its place, or its life is over",
            _S.QUEUED: "the lease ran out, or the sender stopped: the final dot was never sent",
        },
        _S.DATA_SENT: {
            _S.ACCEPTED: "the server answered 250 after the final dot",
            _S.DEFERRED: "the server answered 4yz after the final dot",
            _S.REJECTED: "the server answered 5yz after the final dot",
            _S.CANCELLED: "the server answered 4yz after the final dot, and another attempt takes "
            "its place, or its life is over",
            _S.IN_DOUBT: "no reply after the final dot, or the sender died: it may have arrived",
        },
        _S.DEFERRED: {
            _S.CLAIMED: "its time has come",
            _S.CANCELLED: "another attempt took its place, the address is suppressed, or its life "
            "is over",
        },
        _S.IN_DOUBT: {
            _S.ACCEPTED: "a person, or a bounce, shows that the server took it",
            _S.BOUNCED: "a bounce came back: so the server had taken it",
            _S.CANCELLED: "a person has it sent by a new attempt",
        },
        _S.ACCEPTED: {
            _S.BOUNCED: "a bounce came back",
        },
    },
)

WAITING: frozenset[AttemptState] = frozenset({_S.QUEUED, _S.DEFERRED})
"""States from which a sender may claim it when it is due."""

IN_HAND: frozenset[AttemptState] = frozenset({_S.CLAIMED, _S.SENDING, _S.DATA_SENT})
"""States under a lease."""

LIVE: frozenset[AttemptState] = WAITING | IN_HAND
"""States that may still send; a mail has one such attempt at the most."""
