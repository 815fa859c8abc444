"""Every action of a person, one function each; console, API and command line share it."""

from daemon.desk.incidents import acknowledge, dismiss
from daemon.desk.mails import may_send_again, send_again
from daemon.desk.receipts import Case, Listed, case, cases_of_order, listed
from daemon.desk.refusal import NotDone
from daemon.desk.suppressions import suppress, unsuppress

__all__ = [
    "Case",
    "Listed",
    "NotDone",
    "acknowledge",
    "case",
    "cases_of_order",
    "dismiss",
    "listed",
    "may_send_again",
    "send_again",
    "suppress",
    "unsuppress",
]
