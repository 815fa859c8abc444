"""When what was not taken is tried again: order mail by its timetable, a dead route by its own."""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(minutes=5)
LONGEST = timedelta(hours=4)
SPREAD = 0.1
"""What was put off together does not come back together."""
LIFE = timedelta(days=5)
"""How long a mail is tried (RFC 5321 section 4.5.4.1)."""

ROUTE_FIRST = timedelta(seconds=1)
ROUTE_LONGEST = timedelta(minutes=1)
_MOST_DOUBLINGS = 16


def pause(tries: int, chance: float) -> timedelta:
    """The wait after that many tries of a mail (1, 2, …): 5 min, doubling up to 4 h, ±10 %.

    `chance` is a random number from 0 to 1.
    """
    return _doubled(FIRST, LONGEST, tries) * (1 - SPREAD + 2 * SPREAD * chance)


def route_pause(failures: int) -> timedelta:
    """How long a route that could not be reached so many times in a row is left alone: 1 s … 1 min.

    The network is asked again soon and by one mail at a time, so it does no harm.
    """
    return _doubled(ROUTE_FIRST, ROUTE_LONGEST, failures)


def _doubled(first: timedelta, longest: timedelta, times: int) -> timedelta:
    return min(longest, first * (1 << min(times - 1, _MOST_DOUBLINGS)))
