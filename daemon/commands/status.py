"""`receiptwatch status`: what landed where, from the ledger; asks no server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemon import __version__, logs
from daemon.assembly import views
from daemon.assembly.engine import open_engine
from daemon.clock import Clock
from daemon.commands.options import (
    DEFAULT_FILE,
    AsJson,
    SettingsFile,
    load_or_exit,
    print_json,
    refuse,
)
from daemon.ledger.failures import LedgerError
from daemon.lifecycles.probe import ProbeState
from daemon.metrics import Metrics
from probes.observation import Placement

if TYPE_CHECKING:
    from daemon.console.pages import Status
    from daemon.rulings.overview import Lane, Outcome
    from daemon.settings import Settings

DOTS = {
    Placement.INBOX: "[green]✓[/]",
    Placement.TAB: "[green]✓[/]",
    Placement.SPAM: "[red]![/]",
    Placement.OTHER: "[yellow]→[/]",
    Placement.MISSING: "[red]✗[/]",
    Placement.UNOBSERVED: "[dim]?[/]",
}


def status(config: SettingsFile = DEFAULT_FILE, *, as_json: AsJson = False) -> None:
    """Say for each route and provider whether receipts can be seen there, with n."""
    logs.setup(level=logs.ERROR)
    settings = load_or_exit(config)
    try:
        now = asyncio.run(_status(settings))
    except (LedgerError, ValueError) as error:
        refuse(str(error))
    if as_json:
        print_json(now.as_json())
    else:
        show(now, Console())


def show(now: Status, screen: Console) -> None:
    """Print the status for people."""
    for incident in now.incidents:
        screen.print(f"[red]⚠ {escape(incident['why'])}[/] ({incident['id']}, {incident['state']})")
    screen.print(lanes_table(now.lanes))
    for box in now.mailboxes:
        if box["state"] != "ok":
            screen.print(f"[yellow]Inbox {box['seed']} is {box['state']}:[/] {box['last_error']}")
    for problem in now.problems:
        screen.print(
            f"[red]{problem['subject']}[/]: {problem['summary']} {problem['remedy'] or ''}"
        )


def lanes_table(lanes: list[Lane]) -> Table:
    """One line for each route and provider; the strip runs from old to new."""
    table = Table(title="Do receipts arrive?", title_justify="left")
    for heading in ("provider", "route", "the last thirty", "in words"):
        table.add_column(heading, overflow="fold")
    for lane in lanes:
        route = f"{lane.shop}/{lane.route}" if lane.shop else lane.route
        table.add_row(lane.provider, route, "".join(map(_dot, lane.strip)), lane.sentence)
    return table


def _dot(outcome: Outcome) -> str:
    if outcome.state is ProbeState.UNSENT:
        return "[red]×[/]"
    return DOTS[outcome.fate] if outcome.fate else "[dim]·[/]"


async def _status(settings: Settings) -> Status:
    async with open_engine(settings, Clock(), Metrics(__version__)) as engine:
        return await views.status(engine)
