"""When a notice that its channel did not take is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=10)
MOST_TRIES = 8
"""About half an hour: then an operator hears of it by another channel."""
MOST_TRIES_IN_DOUBT = 2


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that failed at `at`, the `tries`-th of its notice.

    `in_doubt` counts those tries after which nobody knows whether the contact got the notice.
    `deduplicates` says that the channel drops a second copy by its idempotency key.
    """

    at: datetime
    tries: int
    permanent: bool = False
    retry_after_s: float | None = None
    in_doubt: int = 0
    deduplicates: bool = True


def next_try(attempt: Attempt) -> datetime | None:
    """When to try again; None: give up, and let an operator know.

    Waits 15 s, doubling to 10 minutes, and never less than the server asked for. Where a second
    copy would be seen, a notice in doubt is tried only once more: at most one duplicate.
    """
    doubtful = not attempt.deduplicates and attempt.in_doubt >= MOST_TRIES_IN_DOUBT
    if attempt.permanent or doubtful or attempt.tries >= MOST_TRIES:
        return None
    wait = min(FIRST_WAIT * (1 << attempt.tries - 1), LONGEST_WAIT)
    wish = timedelta(seconds=attempt.retry_after_s or 0)
    return attempt.at + max(wait, wish)
