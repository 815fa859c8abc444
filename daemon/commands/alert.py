"""`receiptwatch alert`: try the channels, and see who was told what."""

from __future__ import annotations

import asyncio
import difflib
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemon import logs
from daemon.alerts import exchange
from daemon.alerts.channel import Undeliverable
from daemon.alerts.story import Trial
from daemon.alerts.wording import render
from daemon.assembly.alerting import addressees
from daemon.clock import Clock
from daemon.commands.options import (
    DEFAULT_FILE,
    NOT_SO,
    AsJson,
    Limit,
    SettingsFile,
    load_or_exit,
    print_json,
    refuse,
    with_ledger,
)
from daemon.ledger import notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx2

    from daemon.ledger.notices import NoticeRow
    from daemon.rounds.addressees import Addressee

app = typer.Typer(name="alert", no_args_is_help=True, help="Who is told, and whether it works.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel said to a test notice; `reference` is its own name for it, if any."""

    contact: str
    channel: str
    taken: bool
    said: str
    reference: str | None = None


@app.command("test")
def send_test(
    contact: Annotated[str | None, typer.Argument(help="Only this contact.")] = None,
    config: SettingsFile = DEFAULT_FILE,
    *,
    as_json: AsJson = False,
) -> None:
    """Send everybody (or one contact) a test notice; exit 1 unless every channel takes it."""
    logs.setup(level=logs.ERROR)
    chosen = _chosen(addressees(load_or_exit(config)), contact)
    answers = asyncio.run(_try(chosen))
    if as_json:
        print_json({"answers": [asdict(answer) for answer in answers]})
    else:
        _show(answers)
    raise typer.Exit(0 if all(answer.taken for answer in answers) else NOT_SO)


@app.command("log")
def show_log(
    config: SettingsFile = DEFAULT_FILE,
    *,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest notices and what became of them."""
    rows = with_ledger(load_or_exit(config), lambda conn: notices.recent(conn, limit=limit))
    if as_json:
        print_json({"notices": [asdict(row) for row in rows]})
    else:
        Console().print(_table(rows) if rows else "No notice.")


def _chosen(known: Sequence[Addressee], name: str | None) -> list[Addressee]:
    if not known:
        refuse("The settings name nobody to tell: write `alerts: contacts:`.")
    chosen = [one for one in known if name in {None, one.contact.name}]
    if not chosen:
        near = difflib.get_close_matches(name or "", [one.contact.name for one in known], n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        refuse(f"The settings name no contact {name}.{hint}")
    return chosen


async def _try(chosen: Sequence[Addressee]) -> list[Answer]:
    async with exchange.client() as http:
        return list(await asyncio.gather(*(_send(one, http) for one in chosen)))


async def _send(one: Addressee, http: httpx2.AsyncClient) -> Answer:
    whom = one.contact.name, one.channel.name
    trial = Trial(*whom, Clock().now())
    notice = render(trial, one.reader, key=f"rw-test-{secrets.token_hex(12)}")
    try:
        receipt = await one.deliver(notice, http)
    except Undeliverable as problem:
        return Answer(*whom, taken=False, said=problem.sentence)
    return Answer(*whom, taken=True, said="The channel took it.", reference=receipt.reference)


def _show(answers: Sequence[Answer]) -> None:
    screen = Console()
    for answer in answers:
        mark = "[green]✓[/]" if answer.taken else "[red]✗[/]"
        reference = f" ({answer.reference})" if answer.reference else ""
        said = escape(f"{answer.said}{reference}")
        screen.print(f"{mark} {answer.contact} by {answer.channel}: {said}", highlight=False)


def _table(rows: Sequence[NoticeRow]) -> Table:
    table = Table()
    for heading in ("planned", "contact", "channel", "kind", "about", "state", "tries", "said"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        more = f" and {len(row.about) - 1} more" if len(row.about) > 1 else ""
        table.add_row(
            row.planned_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            row.contact,
            row.channel,
            row.kind,
            f"{row.about[0]}{more}",
            row.state,
            str(row.attempts),
            escape(row.error or row.reference or ""),
        )
    return table
