"""`receiptwatch demo`: the embedded mail world, and a story told in it in real time."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon import logs
from daemon.clock import ScaledClock
from daemon.commands.cases import case_json, show_case
from daemon.commands.options import NOT_SO, AsJson, print_json, refuse
from daemon.commands.status import lanes_table
from daemon.commands.tables import MARKS
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.demo.stage import Stage
    from daemon.demo.story import Outcome, Scene, StoryReport
    from daemon.desk import Case
    from daemon.rulings.overview import Lane

READING_S = 5.0
"""Time to read each sentence when a person watches."""
REDRAWN_EVERY_S = 0.5
MINUTES_AS_SECONDS = 60.0
EXPLAINED = 3
"""So many of the embedded shop's orders are told of at the end; the third has a wrong address."""
SEEDS = 3
"""Inboxes at each provider: enough to tell an odd one from the provider."""


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
        told = _Telling(Path(directory), quick=once, machine=as_json, stay=stay)
        # Ctrl-C ends the service, and with it the story
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(told.run())
    if told.report is None:
        raise typer.Exit(NOT_SO)
    if as_json:
        print_json(told.report.as_json() | {"orders": told.orders})
    raise typer.Exit(0 if told.report.came_true else NOT_SO)


class _Telling:
    """One telling: the story goes on in one task while the table is redrawn in another.

    `report` is there once the story has been told to its end, and `orders` then.
    """

    def __init__(self, directory: Path, *, quick: bool, machine: bool, stay: bool) -> None:
        self._directory, self._quick, self._stay = directory, quick, stay
        self._screen = Console(stderr=machine)
        self.report: StoryReport | None = None
        self.orders: list[dict[str, Any]] = []

    async def run(self) -> None:
        from daemon.demo.stage import stage  # noqa: PLC0415 - an extra, as above

        clock = ScaledClock(MINUTES_AS_SECONDS)
        scene = stage(self._directory, seeds_per_provider=SEEDS, clock=clock, selling=True)
        async with scene as on:
            self._introduce(on)
            with Live(console=self._screen, auto_refresh=False, transient=True) as live:
                drawing = asyncio.create_task(self._redraw(on, live))
                try:
                    await self._tell(on)
                finally:
                    drawing.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await drawing

    async def _tell(self, on: Stage) -> None:
        pause = 0.0 if self._quick else READING_S
        self.report = await on.tell(self._show, pause_s=pause)
        self._conclude(await on.lanes(), self.report)
        for number in on.shop.handed_in[:EXPLAINED]:
            cases = await on.receipts(number)
            self.orders.append({"number": number, "receipts": [case_json(c) for c in cases]})
            self._explain(number, cases)
        if self._stay:
            self._screen.print("It goes on, at the addresses above. Ctrl-C ends it.")
            await asyncio.Event().wait()

    def _introduce(self, on: Stage) -> None:
        listen = on.service.engine.settings.listen
        self._screen.print(
            "\n[bold]Receiptwatch[/] sends test receipts by every route of a shop into probe\n"
            "inboxes, finds each one, and says where it landed and why. Here the mail\n"
            "world is small and lives in this process; the service in it is the real one.\n"
            "Minutes pass as seconds. A small shop hands in a receipt every few seconds.\n\n"
            f"  Status page  http://{listen.console}/\n"
            f"  Metrics      http://{listen.metrics}/metrics\n",
            highlight=False,
        )

    def _show(self, scene: Scene) -> None:
        if scene.outcomes is None:
            self._screen.print(Text(f"\n▶ {scene.act.sentence}", style="bold"))
        elif scene.alarms is None:
            self._screen.print(_scene_table(scene.outcomes))
        else:
            self._show_alarms(scene)

    def _show_alarms(self, scene: Scene) -> None:
        for alarm in scene.alarms or ():
            self._screen.print(Text(f"⚠ after {alarm.after_min:.0f} min: {alarm.why}", "yellow"))
        if not scene.alarms:
            self._screen.print("✓ No incident stands.", style="green")
        self._screen.print(Text(scene.act.moral))
        for surprise in scene.surprises:
            self._screen.print(f"[red]Not as promised:[/] {surprise}")

    async def _redraw(self, on: Stage, live: Live) -> None:
        while self._screen.is_terminal:
            live.update(Group(Text(""), lanes_table(await on.lanes())), refresh=True)
            await asyncio.sleep(REDRAWN_EVERY_S)

    def _conclude(self, lanes: list[Lane], report: StoryReport) -> None:
        self._screen.print(lanes_table(lanes))
        ended = "[green]✓ The story came true.[/]" if report.came_true else "[red]✗ It did not.[/]"
        self._screen.print(f"{ended} Next: [bold]receiptwatch init[/] for your own shop.")

    def _explain(self, number: str, cases: list[Case]) -> None:
        self._screen.print(f"\n[bold]receiptwatch order show {number}[/]")
        for case in cases:
            show_case(self._screen, case)


def _scene_table(outcomes: Iterable[Outcome]) -> Table:
    """One line for each route and provider; inboxes that agree are counted together."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("route", "provider", "where", "SPF", "DKIM", "DMARC"):
        table.add_column(heading)
    lines = Counter(_line(outcome) for outcome in outcomes)
    for line, count in sorted(lines.items(), key=lambda item: (item[0][0] != "primary", item[0])):
        route, provider, placement, *checks = line
        table.add_row(route, provider, f"{MARKS[Placement(placement)]} ×{count}", *checks)
    return table


def _line(outcome: Outcome) -> tuple[str, ...]:
    checks = (outcome.statuses.get(check, "") for check in ("spf", "dkim", "dmarc"))
    return (outcome.route, outcome.provider, outcome.placement, *checks)
