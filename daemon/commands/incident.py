"""`receiptwatch incident`: what is wrong, since when, why, and who is on it."""

from __future__ import annotations

import asyncio
import getpass
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemon import desk
from daemon.clock import Clock
from daemon.commands.options import (
    DEFAULT_FILE,
    NOT_SO,
    AsJson,
    SettingsFile,
    load_or_exit,
    print_json,
    refuse,
)
from daemon.desk import NotDone
from daemon.ledger import Ledger, LedgerError, incidents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.incidents import IncidentRow

app = typer.Typer(name="incident", no_args_is_help=True, help="What is wrong, and who is on it.")

Incident = Annotated[str, typer.Argument(help="The incident's id, as `incident list` shows it.")]
By = Annotated[str, typer.Option(help="Who does this; you, by default.")]


@app.command("list")
def list_incidents(
    config: SettingsFile = DEFAULT_FILE,
    *,
    days: Annotated[int, typer.Option(help="Also those that ended so many days ago.")] = 7,
    shop: Annotated[str | None, typer.Option(help="Only this shop's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the incidents that last, and the latest that ended."""

    async def read(conn: AsyncConnection) -> list[IncidentRow]:
        return await incidents.since(conn, Clock().now() - timedelta(days=days), shop=shop)

    rows = _with_ledger(config, read)
    if as_json:
        print_json({"incidents": [asdict(row) for row in rows]})
    else:
        Console().print(_table(rows) if rows else "No incident.")


@app.command()
def show(
    incident: Incident, config: SettingsFile = DEFAULT_FILE, *, as_json: AsJson = False
) -> None:
    """Show one incident with its evidence; `receiptwatch status` says what lands now."""

    async def read(conn: AsyncConnection) -> IncidentRow | None:
        return await incidents.get(conn, incident)

    row = _with_ledger(config, read)
    if row is None:
        refuse(f"There is no incident {incident}.")
    if as_json:
        print_json(asdict(row))
        return
    screen = Console()
    screen.print(_table([row]))
    screen.print(f"Probability {row.probability:.0%}. Evidence: {', '.join(row.evidence)}")


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

    try:
        done: IncidentRow = _with_ledger(config, do)
    except NotDone as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(NOT_SO) from None
    return done


def _with_ledger(config: Path, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:  # noqa: ANN401 - the work's own answer
    settings = load_or_exit(config)

    async def run() -> Any:  # noqa: ANN401 - as above
        ledger = await Ledger.open(settings.read_database_url().get_secret_value())
        try:
            await ledger.migrate()
            async with ledger.write() as conn:
                return await work(conn)
        finally:
            await ledger.close()

    try:
        return asyncio.run(run())
    except (LedgerError, ValueError) as error:
        refuse(str(error))


def _table(rows: list[IncidentRow]) -> Table:
    table = Table()
    for heading in ("incident", "since", "state", "where", "cause", "in words"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        where = f"{row.shop or 'operator'}/{row.route} → {row.provider}"
        since = row.opened_at.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(row.id, since, row.state, where, row.cause, escape(row.why))
    return table
