"""What is done with an order's mail after a try: the route was tried, and this came of it.

The address's fault ends it: no other route would be told otherwise. For the sender's fault, and for
a route that cannot be reached or lets us not log in, another route takes over at once, when there
is one. A server that asks to come back later is obeyed the first time (greylisting waits for the
same client), and left after the second. What may have arrived is never sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from daemon.rulings.retries import FIRST, SPREAD
from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

PATIENT_DEFERRALS = 1
"""So often a server may ask to come later before another route is asked."""
RESTED = FIRST * (1 - SPREAD)
"""A route that this mail was tried by is asked again after this at the earliest."""


class Ending(StrEnum):
    """How a try ended."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    """4yz about the mail."""
    REJECTED = "rejected"
    """5yz about the mail."""
    UNREACHED = "unreached"
    """No connection, no TLS, no login, or silence before the final dot: nothing handed over."""
    IN_DOUBT = "in_doubt"
    """Silence after the final dot."""


class Choice(StrEnum):
    """What is done."""

    ACCEPTED = "accepted"
    WAIT = "wait"
    """Tried again by the same route, at the time that was written before connecting."""
    FAIL_OVER = "fail_over"
    """A further attempt by another route, at once."""
    BOUNCED = "bounced"
    HELD = "held"
    IN_DOUBT = "in_doubt"


class Reason(StrEnum):
    """Why."""

    TAKEN = "taken"
    SILENT_AFTER_DOT = "silent_after_dot"
    ADDRESS_REFUSED = "address_refused"
    ROUTE_REFUSED = "route_refused"
    ROUTE_UNREACHED = "route_unreached"
    STILL_DEFERRED = "still_deferred"
    ASKED_TO_WAIT = "asked_to_wait"
    NO_OTHER_ROUTE = "no_other_route"
    ALL_REFUSED = "all_refused"
    LIFE_OVER = "life_over"


@dataclass(frozen=True, slots=True)
class Tried:
    """One try: by which route, when it ended, how, and whose fault it was."""

    route: str
    at: datetime
    ending: Ending
    fault: Fault = Fault.NONE


@dataclass(frozen=True, slots=True)
class Ruling:
    """The choice, why, and a sentence for people.

    `route` is the one that takes over: at once, or `later`, at the time that was written for the
    next try before this one began.
    """

    choice: Choice
    reason: Reason
    sentence: str
    route: str | None = None
    later: bool = False


def decide(
    last: Tried,
    before: Sequence[Tried],
    *,
    others: Sequence[str],
    down: Collection[str],
    expires_at: datetime,
) -> Ruling:
    """What is done after `last`; `before` are the mail's earlier tries, by whichever route.

    `others` are the shop's other routes in their order, `down` those that could not be reached just
    now, by whichever mail.
    """
    if final := _final(last):
        return final
    if last.at >= expires_at:
        return life_over()
    refused = {tried.route for tried in before if tried.ending is Ending.REJECTED}
    willing = [route for route in others if route not in refused]
    free = [route for route in willing if route not in down and _rested(route, last, before)]
    match last.ending:
        case Ending.REJECTED:
            return _refused(last, willing, free)
        case Ending.DEFERRED:
            return _deferred(last, before, free)
    return _unreached(last, free)


def life_over() -> Ruling:
    """What is done with a mail that was tried long enough."""
    return Ruling(
        Choice.HELD, Reason.LIFE_OVER, "It was tried for days, and no route took it: held."
    )


def nowhere(route: str) -> Ruling:
    """What is done with a mail whose route the settings know no longer, and no other one either."""
    sentence = f"The settings know no route {route} any more, and no other one: held."
    return Ruling(Choice.HELD, Reason.NO_OTHER_ROUTE, sentence)


def instead(route: str, others: Sequence[str], down: Collection[str]) -> Ruling | None:
    """Who takes a mail over whose own route could not be reached just now, by another mail."""
    free = [other for other in others if other not in down]
    return _takes_over(free[0], Reason.ROUTE_UNREACHED, _gone(route)) if free else None


def _final(last: Tried) -> Ruling | None:
    if last.ending is Ending.ACCEPTED:
        return Ruling(Choice.ACCEPTED, Reason.TAKEN, f"{last.route} took it.")
    if last.ending is Ending.IN_DOUBT:
        return Ruling(
            Choice.IN_DOUBT,
            Reason.SILENT_AFTER_DOT,
            f"{last.route} had the whole message and never answered: it may have arrived, so it is "
            "not sent again by itself.",
        )
    if last.ending is Ending.REJECTED and last.fault is Fault.SEED:
        return Ruling(
            Choice.BOUNCED, Reason.ADDRESS_REFUSED, "The address takes no mail: sent back."
        )
    return None


def _rested(route: str, last: Tried, before: Sequence[Tried]) -> bool:
    newest = max((tried.at for tried in before if tried.route == route), default=None)
    return newest is None or last.at - newest >= RESTED


def _refused(last: Tried, willing: Sequence[str], free: Sequence[str]) -> Ruling:
    why = f"{last.route} refused it"
    if free:
        return _takes_over(free[0], Reason.ROUTE_REFUSED, why)
    if willing:
        sentence = f"{why}: {willing[0]} is asked later, as it could not take it just now."
        return Ruling(Choice.FAIL_OVER, Reason.ROUTE_REFUSED, sentence, willing[0], later=True)
    return Ruling(Choice.HELD, Reason.ALL_REFUSED, f"{why}, and no other route is left: held.")


def _deferred(last: Tried, before: Sequence[Tried], free: Sequence[str]) -> Ruling:
    asked = f"{last.route} asked to come back later"
    earlier = sum(t.route == last.route and t.ending is Ending.DEFERRED for t in before)
    # another route reaches the same full mailbox
    if earlier < PATIENT_DEFERRALS or last.fault is Fault.SEED:
        return Ruling(Choice.WAIT, Reason.ASKED_TO_WAIT, f"{asked}.")
    if free:
        return _takes_over(free[0], Reason.STILL_DEFERRED, f"{asked}, again")
    return Ruling(
        Choice.WAIT, Reason.NO_OTHER_ROUTE, f"{asked}, again, and no other route is free."
    )


def _unreached(last: Tried, free: Sequence[str]) -> Ruling:
    if free:
        return _takes_over(free[0], Reason.ROUTE_UNREACHED, _gone(last.route))
    sentence = f"{_gone(last.route)}, and no other route is free."
    return Ruling(Choice.WAIT, Reason.NO_OTHER_ROUTE, sentence)


def _gone(route: str) -> str:
    return f"{route} could not be used"


def _takes_over(route: str, reason: Reason, why: str) -> Ruling:
    return Ruling(Choice.FAIL_OVER, reason, f"{why}: {route} takes over.", route)
