"""The first receipts ever: whoever begins to watch because he is in trouble is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.rulings.incidents import Happening
from daemon.rulings.watch import Watch
from tests.daemon.rulings.traces import INBOX, MISSING, SPAM, probe

if TYPE_CHECKING:
    from daemon.rulings.observations import Verdict

SEEDS = ("gmail-1", "gmail-2", "gmail-3")


def opened_at(verdicts: list[Verdict], times: int) -> list[int]:
    """Which probes opened an incident, when each seed always shows the same verdict."""
    watch, opened = Watch(), []
    for index in range(times):
        seed, verdict = SEEDS[index % 3], verdicts[index % 3]
        events = watch.observe(probe(index * 10 / 3, verdict, seed=seed))
        opened += [index for event in events if event.event is Happening.OPENED]
    return opened


@pytest.mark.parametrize("verdict", [SPAM, MISSING])
def test_a_route_that_never_landed_is_found_within_the_first_receipts(verdict: Verdict) -> None:
    [index] = opened_at([verdict] * 3, times=60)
    assert index <= 2


@pytest.mark.parametrize("odd", range(3))
def test_one_seed_that_is_always_spam_is_no_incident(odd: int) -> None:
    assert opened_at([SPAM if n == odd else INBOX for n in range(3)], times=90) == []


@pytest.mark.parametrize("well", range(3))
def test_two_seeds_that_are_always_spam_are_no_incident(well: int) -> None:
    assert opened_at([INBOX if n == well else SPAM for n in range(3)], times=90) == []
