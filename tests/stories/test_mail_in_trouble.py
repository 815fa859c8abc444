"""With its database in trouble it puts mail off in time, and loses and doubles none."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.chaos import full_disk, restarts, troubles
from tests.chaos.nursery import nursery
from tests.conftest import unavailable
from tests.world.processes import IS_ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.chaos.figures import Figure

SECONDS = 1.0


def broken(figures: Sequence[Figure]) -> list[Figure]:
    """A machine that is busy with other tests keeps no time."""
    return [figure for figure in figures if figure.kept is False and " s" not in figure.found]


async def test_locked_by_another_process_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with nursery() as nursed:
        end = await troubles.in_trouble(nursed, tmp_path, troubles.locking(SECONDS))
    assert end.told.acknowledged
    assert not broken(troubles.figures(end, "here"))


async def test_what_was_put_off_by_a_failed_fsync_is_there_once_acknowledged(
    tmp_path: Path,
) -> None:
    if shutil.which("gcc") is None:
        unavailable("gcc is not installed; `make world-packages` installs it")
    environment, switch = troubles.fsync_faults(tmp_path)
    async with nursery(environment) as nursed:
        failing = troubles.failing_fsync(switch, SECONDS)
        end = await troubles.in_trouble(nursed, tmp_path, failing)
    assert not broken(troubles.figures_of_fsync(end, "here"))


async def test_a_full_disk_puts_mail_off_is_red_and_soon_forgotten(tmp_path: Path) -> None:
    if not IS_ROOT:
        pytest.skip("only root can mount a small disk")
    end = await full_disk.full_disk(tmp_path, full_s=1.0)
    assert end.told.put_off
    assert not broken(full_disk.figures(end))


async def test_asked_to_end_under_load_it_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    ended = await restarts.polite_end(tmp_path, SECONDS)
    assert ended.acknowledged
    assert not broken(restarts.figures_of_end(ended, "here"))
