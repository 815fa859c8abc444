"""`receiptwatch incident`: what is wrong, since when, why, and who is on it."""

from __future__ import annotations

import getpass
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemon import desk
from daemon.clock import Clock
from daemon.commands.diagnose import findings_table
from daemon.commands.options import (
    DEFAULT_FILE,
    AsJson,
    By,
    OnlyShop,
    SettingsFile,
    load_or_exit,
    print_json,
    refuse,
    with_ledger,
)
from daemon.ledger import findings, incidents, probes
from probes.observation import Severity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.incidents import IncidentRow
    from probes.observation import Finding

HEADERS_SHOWN = 16_384
"""Octets of a message's head that are shown."""

app = typer.Typer(name="incident", no_args_is_help=True, help="What is wrong, and who is on it.")

Incident = Annotated[str, typer.Argument(help="The incident's id, as `incident list` shows it.")]


@app.command("list")
def list_incidents(
    config: SettingsFile = DEFAULT_FILE,
    *,
    days: Annotated[int, typer.Option(help="Also those that ended so many days ago.")] = 7,
    shop: OnlyShop = None,
    as_json: AsJson = False,
) -> None:
    """Show the incidents that last, and the latest that ended."""

    async def read(conn: AsyncConnection) -> list[IncidentRow]:
        return await incidents.since(conn, Clock().now() - timedelta(days=days), shop=shop)

    rows = with_ledger(load_or_exit(config), read)
    if as_json:
        print_json({"incidents": [asdict(row) for row in rows]})
    else:
        Console().print(_table(rows) if rows else "No incident.")


@app.command()
def show(
    incident: Incident, config: SettingsFile = DEFAULT_FILE, *, as_json: AsJson = False
) -> None:
    """Show one incident with what it rests on: findings, their remedies, a message's headers."""

    async def read(conn: AsyncConnection) -> Case | None:
        row = await incidents.get(conn, incident)
        return await _case(conn, row) if row else None

    case = with_ledger(load_or_exit(config), read)
    if case is None:
        refuse(f"There is no incident {incident}.")
    if as_json:
        print_json(asdict(case.row) | case.as_json())
        return
    screen = Console()
    screen.print(_table([case.row]))
    screen.print(
        f"Probability {case.row.probability:.0%}. Evidence: {', '.join(case.row.evidence)}"
    )
    for line in _said(case.row):
        screen.print(line, markup=False, highlight=False)
    screen.print(findings_table(case.findings))
    screen.print(case.headers, markup=False, highlight=False)


@dataclass(frozen=True, slots=True)
class Case:
    """An incident and what it rests on; `headers` are of its latest message that was found."""

    row: IncidentRow
    findings: tuple[Finding, ...]
    headers: str

    def as_json(self) -> dict[str, Any]:
        """What the incident's own row does not hold."""
        found = [finding.as_json() for finding in self.findings]
        return {"findings": found, "headers": self.headers}


async def _case(conn: AsyncConnection, row: IncidentRow) -> Case:
    found = await findings.of_probes(conn, row.evidence)
    worth = tuple(f.finding for f in found if f.finding.severity is not Severity.OK)
    raws = [await probes.raw_of(conn, probe) for probe in row.evidence]
    latest = next((raw.raw for raw in reversed(raws) if raw), b"")
    headers = latest[:HEADERS_SHOWN].partition(b"\r\n\r\n")[0]
    return Case(row, worth, headers.decode("utf-8", "replace"))


@app.command()
def ack(incident: Incident, config: SettingsFile = DEFAULT_FILE, *, by: By = "") -> None:
    """Say that you are on it: no reminder and no escalation any more."""
    row = _act(config, desk.acknowledge, incident, by)
    typer.echo(f"{row.id} is acknowledged by {row.acknowledged_by}.")


@app.command()
def dismiss(incident: Incident, config: SettingsFile = DEFAULT_FILE, *, by: By = "") -> None:
    """Say that it was no incident."""
    row = _act(config, desk.dismiss, incident, by)
    typer.echo(f"{row.id} is dismissed.")


def _act(
    config: Path, action: Callable[..., Awaitable[IncidentRow]], incident: str, by: str
) -> IncidentRow:
    who, now = by or getpass.getuser(), Clock().now()

    async def do(conn: AsyncConnection) -> IncidentRow:
        return await action(conn, incident, at=now, by=who)

    return with_ledger(load_or_exit(config), do, writes=True)


def _said(row: IncidentRow) -> list[str]:
    """What servers said of order mail, what it means and what to do."""
    advice = [f"To do: {row.facts['remedy']}"] if row.facts.get("remedy") else []
    return [*map(str, row.facts.get("replies", ())), *advice]


def _table(rows: list[IncidentRow]) -> Table:
    table = Table()
    for heading in ("incident", "since", "state", "where", "cause", "in words"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        where = f"{row.shop or 'operator'}/{row.route} → {row.provider}"
        since = row.opened_at.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(row.id, since, row.state, where, row.cause, escape(row.why))
    return table
