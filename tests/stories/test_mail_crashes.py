"""Killed or stopped amid its mail, nothing is lost and nothing doubled: `make chaos`, a little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.chaos import intake_kills, sending_kills, stopped_workers
from tests.chaos.nursery import Nursery, nursery
from tests.chaos.points import POINTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.chaos.figures import Figure

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLS, STOPS = 4, 2


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def nursed() -> AsyncIterator[Nursery]:
    async with nursery() as open_one:
        yield open_one


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str | None:
    """None: a file in the test's folder."""
    if request.param == "sqlite":
        return None
    return str(request.getfixturevalue("postgres_url"))


def broken(figures: Sequence[Figure]) -> list[Figure]:
    return [figure for figure in figures if figure.kept is False]


async def test_killed_while_it_takes_mail_in_it_has_what_it_acknowledged_once(
    nursed: Nursery, tmp_path: Path, database: str | None
) -> None:
    end = await intake_kills.intake_kills(nursed, tmp_path, KILLS, database=database)
    assert end.told.acknowledged
    assert not broken(intake_kills.figures(end, "here"))


async def test_the_same_harness_sees_who_answers_before_the_commit(
    nursed: Nursery, tmp_path: Path
) -> None:
    end = await intake_kills.intake_kills(nursed, tmp_path, KILLS, hasty=True)
    assert end.lost


async def test_killed_at_each_point_of_a_delivery_it_sends_nothing_twice_and_loses_nothing(
    nursed: Nursery, tmp_path: Path, database: str | None
) -> None:
    end = await sending_kills.sending_kills(nursed, tmp_path, len(POINTS), database=database)
    assert set(end.killed) == set(POINTS)
    assert not broken(sending_kills.figures(end, "here"))


async def test_the_same_harness_sees_who_sends_again_blindly(
    nursed: Nursery, tmp_path: Path
) -> None:
    end = await sending_kills.sending_kills(nursed, tmp_path, len(POINTS), forgetful=True)
    assert not broken(sending_kills.control(end, "here"))


async def test_stopped_beyond_its_lease_a_sender_writes_and_hands_over_nothing_more(
    nursed: Nursery, tmp_path: Path
) -> None:
    end = await stopped_workers.stopped_workers(nursed, tmp_path, STOPS)
    assert not broken(stopped_workers.figures(end, "here"))
