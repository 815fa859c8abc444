"""`receiptwatch demo`: the embedded mail world, and a story told in it in real time."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon import logs
from daemon.commands.options import NOT_SO, AsJson, print_json, refuse
from daemon.commands.status import lanes_table
from daemon.commands.tables import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.demo.stage import Stage
    from daemon.demo.story import Outcome, Scene, StoryReport
    from daemon.rulings.overview import Lane

READING_S = 5.0
"""Time to read each sentence when a person watches."""
REDRAWN_EVERY_S = 0.5


def demo(
    *,
    once: Annotated[bool, typer.Option(help="No pauses: tell it as fast as mail travels.")] = False,
    stay: Annotated[bool, typer.Option(help="Keep running after the story, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch it work: three embedded providers, a shop with two routes, and four acts.

    Needs no account, no rights and no network. Exit 1 when the story did not come true.
    """
    try:
        from daemon.demo import stage  # noqa: F401, PLC0415 - its servers are an extra
    except ImportError as missing:
        refuse(f"The demo needs {missing.name}: pip install 'receiptwatch[demo]'")
    logs.setup(level=logs.ERROR)
    with tempfile.TemporaryDirectory(prefix="receiptwatch-demo-") as directory:
        told = _Telling(Path(directory), quick=once, quiet=as_json, stay=stay)
        try:
            report = asyncio.run(told.run())
        except KeyboardInterrupt:
            raise typer.Exit(NOT_SO) from None
    if as_json:
        print_json(report.as_json())
    raise typer.Exit(0 if report.came_true else NOT_SO)


class _Telling:
    """One telling: the story goes on in one task while the table is redrawn in another."""

    def __init__(self, directory: Path, *, quick: bool, quiet: bool, stay: bool) -> None:
        self._directory, self._quick, self._stay = directory, quick, stay
        self._screen = Console(quiet=quiet)
        self._lanes: list[Lane] = []

    async def run(self) -> StoryReport:
        from daemon.demo.stage import stage  # noqa: PLC0415 - an extra, as above

        async with stage(self._directory) as on:
            self._introduce(on)
            with Live(console=self._screen, auto_refresh=False, transient=True) as live:
                drawing = asyncio.create_task(self._redraw(on, live))
                try:
                    pause = 0.0 if self._quick else READING_S
                    report = await on.tell(self._show, pause_s=pause)
                    if self._stay:
                        await asyncio.Event().wait()
                finally:
                    drawing.cancel()
                    await asyncio.gather(drawing, return_exceptions=True)
            self._conclude(await on.lanes(), report)
        return report

    def _introduce(self, on: Stage) -> None:
        listen = on.service.engine.settings.listen
        self._screen.print(
            "\n[bold]Receiptwatch[/] sends test receipts by every route of a shop into probe\n"
            "inboxes, finds each one, and says where it landed and why. Here the mail\n"
            "world is small and lives in this process; the service in it is the real one.\n\n"
            f"  Status page  http://{listen.console}/\n"
            f"  Metrics      http://{listen.metrics}/metrics\n",
            highlight=False,
        )

    def _show(self, scene: Scene) -> None:
        if scene.outcomes is None:
            self._screen.print(Text(f"\n▶ {scene.act.sentence}", style="bold"))
            return
        self._screen.print(_scene_table(scene.outcomes))
        self._screen.print(Text(scene.act.moral))
        for surprise in scene.surprises:
            self._screen.print(f"[red]Not as promised:[/] {surprise}")

    async def _redraw(self, on: Stage, live: Live) -> None:
        while self._screen.is_terminal:
            with contextlib.suppress(Exception):
                self._lanes = await on.lanes()
                live.update(Group(Text(""), lanes_table(self._lanes)), refresh=True)
            await asyncio.sleep(REDRAWN_EVERY_S)

    def _conclude(self, lanes: list[Lane], report: StoryReport) -> None:
        self._screen.print(lanes_table(lanes))
        ended = "[green]✓ The story came true.[/]" if report.came_true else "[red]✗ It did not.[/]"
        self._screen.print(f"{ended} Next: [bold]receiptwatch init[/] for your own shop.")


def _scene_table(outcomes: Iterable[Outcome]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("route", "provider", "where", "SPF", "DKIM", "DMARC"):
        table.add_column(heading)
    for outcome in sorted(outcomes, key=lambda o: (o.route != "primary", o.route, o.provider)):
        statuses = outcome.statuses
        checks = (statuses.get(check, "") for check in ("spf", "dkim", "dmarc"))
        table.add_row(outcome.route, outcome.provider, MARKS[outcome.placement], *checks)
    return table
