"""Every action of a person, one function each; console, API and command line share it."""

from daemon.desk.incidents import acknowledge, dismiss
from daemon.desk.refusal import NotDone
from daemon.desk.suppressions import suppress, unsuppress

__all__ = ["NotDone", "acknowledge", "dismiss", "suppress", "unsuppress"]
