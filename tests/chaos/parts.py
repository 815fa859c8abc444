"""The parts of `make chaos`, each with its tables."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos import full_disk, intake_kills, restarts, sending_kills, stopped_workers, troubles
from tests.chaos.figures import show, tell
from tests.chaos.nursery import nursery
from tests.world import postgres
from tests.world.processes import IS_ROOT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tests.chaos.figures import Figure
    from tests.world.postgres import Cluster

LITE, PG = "SQLite", "PostgreSQL"
SLOWER_S, TOO_SLOW_S = 0.3, 3.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; (SQLite, PostgreSQL) where there are two."""

    intake_kills: tuple[int, int] = (190, 40)
    services: int = 10
    """Whole services that are killed besides, started as people do."""
    sending_kills: tuple[int, int] = (500, 100)
    stops: tuple[int, int] = (100, 20)
    controls: int = 20
    """Kills and stops of each negative control."""
    trouble_s: float = 60.0
    rows: int = 100_000
    starts: int = 5


FULL = Scale()
QUICK = Scale((6, 4), 1, (18, 9), (4, 2), 9, 6.0, 2_000, 1)


class Chaos:
    """Shows tables as they come, and counts what was broken. `cluster` is None without one."""

    def __init__(self, scale: Scale, cluster: Cluster | None) -> None:
        self.scale, self.cluster = scale, cluster
        self.broken = 0

    def show(self, title: str, figures: Sequence[Figure]) -> None:
        """A table."""
        self.broken += sum(figure.kept is False for figure in figures)
        show(title, figures)

    def backends(self) -> Iterator[tuple[int, str, str | None]]:
        """Where to look up the scale, the name, and the URL of a new database (None: a file)."""
        yield 0, LITE, None
        if self.cluster:
            yield 1, PG, self.cluster.url(self.cluster.create())


@contextmanager
def room() -> Iterator[Path]:
    """A folder, gone afterwards; what was broken leaves it behind."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def intake(chaos: Chaos) -> None:
    """SIGKILL while mail comes in (promises 1 and 2)."""
    async with nursery() as nursed:
        for which, name, url in chaos.backends():
            tell(f"intake: {name}")
            kills, services = chaos.scale.intake_kills[which], 0 if which else chaos.scale.services
            with room() as folder:
                end = await intake_kills.intake_kills(
                    nursed, folder, kills, services=services, database=url, tell=tell
                )
            chaos.show(f"Killed while it takes mail in, {name}", intake_kills.figures(end, name))
        with room() as folder:
            end = await intake_kills.intake_kills(nursed, folder, chaos.scale.controls, hasty=True)
        chaos.show("Control: answered too early", intake_kills.control(end, LITE))


async def sending(chaos: Chaos) -> None:
    """SIGKILL at each point of a delivery (promise 3)."""
    async with nursery() as nursed:
        for which, name, url in chaos.backends():
            tell(f"sending: {name}")
            with room() as folder:
                kills = chaos.scale.sending_kills[which]
                end = await sending_kills.sending_kills(
                    nursed, folder, kills, database=url, tell=tell
                )
            chaos.show(f"Killed while it sends, {name}", sending_kills.figures(end, name))
        with room() as folder:
            kills = chaos.scale.controls
            end = await sending_kills.sending_kills(nursed, folder, kills, forgetful=True)
        chaos.show("Control: sent again blindly", sending_kills.control(end, LITE))


async def workers(chaos: Chaos) -> None:
    """SIGSTOP beyond the lease (promise 4)."""
    async with nursery() as nursed:
        for which, name, url in chaos.backends():
            tell(f"workers: {name}")
            with room() as folder:
                stops = chaos.scale.stops[which]
                end = await stopped_workers.stopped_workers(
                    nursed, folder, stops, database=url, tell=tell
                )
            chaos.show(f"Stopped while it sends, {name}", stopped_workers.figures(end, name))
        with room() as folder:
            stops = chaos.scale.controls // 2
            end = await stopped_workers.stopped_workers(nursed, folder, stops, careless=True)
        chaos.show("Control: a lost lease not heeded", stopped_workers.control(end, LITE))


async def trouble(chaos: Chaos) -> None:
    """A database that is locked, away, full, or whose disk fails (promises 6 and 7)."""
    seconds = chaos.scale.trouble_s
    async with nursery() as nursed:
        with room() as folder:
            end = await troubles.in_trouble(nursed, folder, troubles.locking(seconds))
        chaos.show("Locked by another process, SQLite", troubles.figures(end, LITE))
        if chaos.cluster:
            pg = chaos.cluster
            for title, kind in (
                ("Ended and started", troubles.restarting),
                ("Silent", troubles.freezing),
            ):
                with room() as folder:
                    url = pg.url(pg.create())
                    end = await troubles.in_trouble(nursed, folder, kind(pg, seconds / 2), url)
                chaos.show(f"{title} again and again, PostgreSQL", troubles.figures(end, PG))
    await _disk(chaos, seconds / 2)
    if IS_ROOT:
        with room() as folder:
            chaos.show("Disk full, SQLite", full_disk.figures(await full_disk.full_disk(folder)))
    else:
        tell("The full disk was left out: only root can mount a small one.")


async def _disk(chaos: Chaos, seconds: float) -> None:
    with room() as folder:
        environment, switch = troubles.fsync_faults(folder)
        async with nursery(environment) as nursed:
            with room() as place:
                failing = troubles.failing_fsync(switch, seconds)
                end = await troubles.in_trouble(nursed, place, failing)
            chaos.show("fsync fails, SQLite", troubles.figures_of_fsync(end, LITE))
            with room() as place:
                slow = troubles.slow_fsync(switch, SLOWER_S, seconds / 4)
                end = await troubles.in_trouble(nursed, place, slow)
            figures = [troubles.never_sooner(end, SLOWER_S), *troubles.figures(end, LITE)]
            chaos.show(f"fsync {SLOWER_S:g} s slower, SQLite", figures)
            with room() as place:
                slow = troubles.slow_fsync(switch, TOO_SLOW_S, seconds / 4)
                end = await troubles.in_trouble(nursed, place, slow)
            title = f"fsync {TOO_SLOW_S:g} s slower, SQLite"
            chaos.show(title, troubles.figures(end, LITE))


async def restart(chaos: Chaos) -> None:
    """SIGTERM under load, and a start with much to do (promise 9)."""
    for _, name, url in chaos.backends():
        with room() as folder:
            ended = await restarts.polite_end(folder, chaos.scale.trouble_s / 12, url)
        chaos.show(f"Asked to end, {name}", restarts.figures_of_end(ended, name))
    with room() as folder:
        stubborn = await restarts.stubborn_end(folder)
    chaos.show("Asked to end, SQLite", restarts.figures_of_stubborn_end(stubborn))
    for _, name, url in chaos.backends():
        tell(f"restart: {name}")
        with room() as folder:
            rows, starts = chaos.scale.rows, chaos.scale.starts
            seconds = await restarts.starts(folder, rows, starts, url)
        chaos.show(f"Killed and started, {name}", restarts.figures_of_starts(seconds, rows, name))


PARTS: dict[str, Callable[[Chaos], Awaitable[None]]] = {
    "intake": intake,
    "sending": sending,
    "workers": workers,
    "trouble": trouble,
    "restart": restart,
}


def start_cluster() -> Cluster | None:
    """A PostgreSQL for all parts; None where it is not installed."""
    programs = postgres.binaries()
    if programs is None:
        tell("PostgreSQL is not installed: its figures are left out.")
        return None
    return postgres.Cluster.start(programs)
