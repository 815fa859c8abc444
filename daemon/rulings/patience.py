"""How long to wait before a mailbox is tried again, and when to stop trying."""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)
MOST_REFUSED_LOGINS = 2
"""Providers lock an account that keeps failing: after two refusals a person must act."""


def back_off(failures: int) -> timedelta:
    """The wait after that many failures in a row (1, 2, …): 5 s, doubling up to 15 minutes."""
    return min(LONGEST, FIRST * (1 << min(failures - 1, 16)))


def look_every(deadline: timedelta, *, expecting: bool) -> float:
    """Seconds between looks into a mailbox: closer together while a probe may still arrive.

    A 24th of the deadline (15 s of 6 minutes), between 1 and 15; when nothing is awaited a quarter
    of it, at most a minute. IDLE tells of new mail in the inbox at once all the same; this bounds
    the spam folder's delay.
    """
    share, longest = (24, 15.0) if expecting else (4, 60.0)
    return max(1.0, min(longest, deadline.total_seconds() / share))
