"""The life of an order's mail: one receipt to one recipient, from its arrival to its being seen."""

from __future__ import annotations

from enum import StrEnum

from daemon.lifecycles.transitions import Lifecycle


class MailState(StrEnum):
    """Where an order's mail stands."""

    RECEIVED = "received"
    WATCHED = "watched"
    CLEARED = "cleared"
    AT_RISK = "at_risk"
    RESENDING = "resending"
    RESENT = "resent"
    CONFIRMED = "confirmed"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    ABANDONED = "abandoned"


_S = MailState

_SEEN = "the customer has it"
_AGAIN = "a person has it sent again"
_NO_ADDRESS = "the address takes no mail"
_NOBODY = "nothing more can be done, or 72 hours have passed"

ORDER_MAIL: Lifecycle[MailState] = Lifecycle(
    "order_mail",
    {
        _S.RECEIVED: {
            _S.WATCHED: "the next server took it, or it came as a copy",
            _S.BOUNCED: _NO_ADDRESS,
            _S.HELD: "no route took it: a person decides",
            _S.IN_DOUBT: "nobody knows whether the next server took it",
            _S.SUPPRESSED: "the address is on the suppression list",
        },
        _S.WATCHED: {
            _S.CLEARED: "it was sent while receipts were landing",
            _S.AT_RISK: "it may not be seen, or it came back for a fault of the sender",
            _S.BOUNCED: _NO_ADDRESS,
            _S.CONFIRMED: _SEEN,
        },
        _S.CLEARED: {
            _S.AT_RISK: "what was learned later speaks against it",
            _S.BOUNCED: _NO_ADDRESS,
            _S.CONFIRMED: _SEEN,
        },
        _S.AT_RISK: {
            _S.RESENDING: "a route is landing now",
            _S.CLEARED: "what was learned later speaks for it",
            _S.HELD: "a person decides",
            _S.BOUNCED: _NO_ADDRESS,
            _S.CONFIRMED: _SEEN,
            _S.ABANDONED: _NOBODY,
        },
        _S.RESENDING: {
            _S.RESENT: "the next server took it",
            _S.HELD: "no route took it: a person decides",
            _S.IN_DOUBT: "nobody knows whether the next server took it",
            _S.BOUNCED: _NO_ADDRESS,
            _S.CONFIRMED: _SEEN,
        },
        _S.RESENT: {
            _S.AT_RISK: "what was sent again may not be seen either",
            _S.HELD: "a person decides",
            _S.BOUNCED: _NO_ADDRESS,
            _S.CONFIRMED: _SEEN,
            _S.ABANDONED: _NOBODY,
        },
        _S.HELD: {
            _S.RECEIVED: _AGAIN,
            _S.RESENDING: _AGAIN,
            _S.SUPPRESSED: "the address is on the suppression list",
            _S.CONFIRMED: _SEEN,
            _S.ABANDONED: _NOBODY,
        },
        _S.IN_DOUBT: {
            _S.WATCHED: "a person, or a bounce, shows that the next server took it",
            _S.AT_RISK: "it came back for a fault of the sender: so the next server had taken it",
            _S.RECEIVED: _AGAIN,
            _S.BOUNCED: _NO_ADDRESS,
            _S.CONFIRMED: _SEEN,
            _S.ABANDONED: _NOBODY,
        },
        _S.BOUNCED: {
            _S.RECEIVED: _AGAIN,
            _S.RESENDING: _AGAIN,
            _S.CONFIRMED: _SEEN,
            _S.ABANDONED: _NOBODY,
        },
        _S.SUPPRESSED: {
            _S.RECEIVED: "the address was taken off the list, and a person has it sent",
            _S.ABANDONED: _NOBODY,
        },
    },
)

ON_ITS_WAY: frozenset[MailState] = frozenset({_S.RECEIVED, _S.RESENDING})
"""States of a mail that an attempt may still carry."""
