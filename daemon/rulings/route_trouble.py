"""Whether a route takes order mail, by what came of its newest tries; whether it comes back.

A fallback that works hides no broken primary: it is the primary's own tries that are looked at.
What is the address's fault, and a first request to come later (greylisting), say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

WINDOW = timedelta(hours=6)
"""How far back tries count."""
LASTED = timedelta(minutes=5)
"""A blip is shorter."""
MAILS, TRIES = 2, 3
"""So many different mails, or tries, in a row that failed are no accident."""
SHARE, SHARE_OF, SHARE_WITHIN = 0.2, 5, timedelta(hours=1)
"""A route that fails now and then: this share of at least so many failures, within this time."""
WELL, WELL_AND_QUIET, QUIET = 3, 2, timedelta(minutes=30)
"""So many in a row that were taken end it; fewer, when no failure came for so long."""
WELL_AT_LAST = 10
"""So many, when it failed now and then: three in a row were taken in between, too."""

SOON, SOON_WITHIN = 2, timedelta(hours=1)
SEVERAL = 3
"""So many different mails that came back within an hour, or within the window, are no accident."""


class Took(StrEnum):
    """What a try says of its route."""

    TAKEN = "taken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Tried:
    """One try of one mail that says something of its route, when it ended, and the words."""

    at: datetime
    mail: str
    took: Took
    words: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A route does not take order mail, `since`; of the newest `tries` so many `failed`.

    `mails` are the different mails that it failed, `words` what was said last.
    """

    since: datetime
    tries: int
    failed: int
    mails: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Before:
    """When the incident before this ended; `dismissed`, when a person said that it was none."""

    at: datetime
    dismissed: bool = False


def trouble(
    tried: Sequence[Tried], now: datetime, *, standing: bool, before: Before | None = None
) -> Trouble | None:
    """What is wrong with a route, None when nothing is; `standing` when it was already told.

    `tried` are the route's newest tries, oldest first. What an incident `before` was about counts
    no more; after one that was dismissed, the route has to take a mail before it can fail again.
    """
    newest = [one for one in tried if now - one.at <= WINDOW]
    if not standing and before:
        newest = _since(newest, before)
    failures = _failed(newest)
    if not failures:
        return None
    if standing:
        return None if _over(newest, failures[-1].at, now) else _told(newest, failures[0].at)
    if _in_a_row(streak := _streak(newest), now):
        return _told(streak, streak[0].at)
    recent = [one for one in newest if now - one.at <= SHARE_WITHIN]
    return _told(recent, _failed(recent)[0].at) if _too_often(recent) else None


def coming_back(
    returned: Sequence[Tried],
    now: datetime,
    *,
    standing: bool,
    before: Before | None = None,
    soon: int = SOON,
) -> Trouble | None:
    """What is wrong with a route at one provider, by the mails that came `returned` from there.

    Oldest first, by the sender's fault alone. None when too few did; `soon` within an hour do.
    """
    newest = [one for one in returned if now - one.at <= WINDOW]
    if not standing and before:
        newest = [one for one in newest if one.at > before.at]
    lately = {one.mail for one in newest if now - one.at <= SOON_WITHIN}
    enough = len(lately) >= soon or len({one.mail for one in newest}) >= SEVERAL
    return _told(newest, newest[0].at) if newest and (standing or enough) else None


def _since(tried: Sequence[Tried], before: Before) -> list[Tried]:
    later = [one for one in tried if one.at > before.at]
    if not before.dismissed:
        return later
    took = (i for i, one in enumerate(later) if one.took is Took.TAKEN)
    return later[next(took, len(later)) :]


def _failed(tried: Sequence[Tried]) -> list[Tried]:
    return [one for one in tried if one.took is Took.FAILED]


def _streak(tried: Sequence[Tried]) -> list[Tried]:
    """The failures since the route last took a mail."""
    last_taken = max((i for i, one in enumerate(tried) if one.took is Took.TAKEN), default=-1)
    return list(tried[last_taken + 1 :])


def _in_a_row(streak: Sequence[Tried], now: datetime) -> bool:
    if not streak or now - streak[0].at < LASTED:
        return False
    return len({one.mail for one in streak}) >= MAILS or len(streak) >= TRIES


def _too_often(recent: Sequence[Tried]) -> bool:
    failed = {one.mail for one in _failed(recent)}
    return len(failed) >= SHARE_OF and len(failed) >= SHARE * len({one.mail for one in recent})


def _over(tried: Sequence[Tried], last_failure: datetime, now: datetime) -> bool:
    taken = sum(one.took is Took.TAKEN and one.at > last_failure for one in tried)
    if taken >= WELL_AND_QUIET and now - last_failure >= QUIET:
        return True
    failed = _streak(tried[: len(tried) - taken])
    lasted = len({one.mail for one in failed}) >= MAILS or len(failed) >= TRIES
    return taken >= (WELL if lasted else WELL_AT_LAST)


def _told(tried: Sequence[Tried], since: datetime) -> Trouble:
    failures = _failed(tried)
    mails = tuple(dict.fromkeys(one.mail for one in failures))
    return Trouble(since, len(tried), len(failures), mails, failures[-1].words)
