"""`receiptwatch mail`: one receipt to one customer: its story, its text, sent once more."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon import desk
from daemon.clock import Clock
from daemon.commands.cases import InState, Search, badge, case_json, show_case
from daemon.commands.options import (
    DEFAULT_FILE,
    AsJson,
    By,
    Limit,
    OnlyShop,
    SettingsFile,
    known_route,
    load_or_exit,
    not_so,
    only_shop,
    print_json,
    refuse,
    with_ledger,
)
from daemon.commands.screen import console, marked, minute, plain, table
from daemon.ledger import mails, messages
from daemon.ledger.arrivals import LIFE
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.desk import Case, Listed
    from daemon.ledger.mails import MailRow
    from daemon.settings import Settings

app = typer.Typer(name="mail", no_args_is_help=True, help="One receipt to one customer.")

Mail = Annotated[str, typer.Argument(help="The mail's id, as `mail list` shows it.")]

DOUBLED = {
    MailState.IN_DOUBT: "Nobody knows whether it arrived: {to} may get it twice.",
    MailState.BOUNCED: "It came back. If only a copy of it did, {to} may get it twice.",
}


@app.command("list")
def list_mails(
    config: SettingsFile = DEFAULT_FILE,
    *,
    search: Search = "",
    state: InState = None,
    shop: OnlyShop = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show the receipts that came in last, with or without an order."""
    settings = load_or_exit(config)
    whose = only_shop(settings, shop)

    async def read(conn: AsyncConnection) -> list[Listed]:
        return await desk.listed(conn, search, state=state, shop=whose, limit=limit)

    rows = with_ledger(settings, read)
    if as_json:
        print_json({"mails": [_as_json(row) for row in rows]})
    else:
        console().print(_table(rows) if rows else "No receipt fits.")


@app.command()
def show(
    mail: Mail,
    config: SettingsFile = DEFAULT_FILE,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Its text alone, byte for byte.")] = False,
    shop: OnlyShop = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of one receipt; with --raw, print the message as it was taken in."""
    settings = load_or_exit(config)
    whose = only_shop(settings, shop)

    async def read(conn: AsyncConnection) -> Case | None:
        row = await mails.get(conn, mail, shop=whose)
        return await desk.case(conn, row, shop=whose) if row else None

    if raw:
        _print_raw(settings, mail, whose)
        return
    case = with_ledger(settings, read)
    if case is None:
        refuse(_NONE.format(mail=ascii(mail)))
    if as_json:
        print_json(case_json(case))
    else:
        show_case(console(), case)


@app.command()
def resend(
    mail: Mail,
    config: SettingsFile = DEFAULT_FILE,
    *,
    route: Annotated[
        str | None, typer.Option(help="By this route; the primary, by default.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    shop: OnlyShop = None,
    by: By = "",
) -> None:
    """Send a receipt once more that was held, came back, or of which nobody knows."""
    settings, now = load_or_exit(config), Clock().now()
    whose = only_shop(settings, shop)

    async def look(conn: AsyncConnection) -> MailRow:
        return await desk.may_send_again(conn, mail, shop=whose)

    async def send(conn: AsyncConnection) -> str:
        who = by or getpass.getuser()
        return await desk.send_again(
            conn, mail, shop=whose, route=chosen, at=now, expires_at=now + LIFE, by=who
        )

    row = with_ledger(settings, look)
    chosen = known_route(settings, row.shop, route)
    to = plain(row.recipient)
    if risk := DOUBLED.get(row.state):
        typer.echo(risk.format(to=to))
    if not yes:
        typer.confirm(f"Send it to {to} by {chosen}?", abort=True)
    with_ledger(settings, send, writes=True)
    typer.echo(f"Mail {row.id} waits to be sent to {to} by {chosen}.")


_NONE = "There is no mail {mail}; `receiptwatch mail list --search TEXT` looks for one."


def _print_raw(settings: Settings, mail: str, shop: str | None) -> None:
    """A message's text may hold anything, also what a terminal would obey."""

    async def read(conn: AsyncConnection) -> Raw | None:
        row = await mails.get(conn, mail, shop=shop)
        known = await messages.get(conn, row.message if row else mail, shop=shop)
        return Raw(await messages.raw(conn, known.id)) if known else None

    if sys.stdout.isatty():
        refuse("It may hold what a terminal would obey: write `> FILE` or `| less` behind it.")
    found = with_ledger(settings, read)
    if found is None:
        refuse(_NONE.format(mail=ascii(mail)))
    if found.text is None:
        not_so(f"The text of mail {mail} is no longer kept.")
    typer.echo(found.text, nl=False)


@dataclass(frozen=True, slots=True)
class Raw:
    """A known message's text, while it is kept."""

    text: bytes | None


def _table(rows: Sequence[Listed]) -> Table:
    made = table("mail", "came in", "shop", "order", "to", "provider", "state", "subject")
    for one in rows:
        made.add_row(
            one.mail.id,
            minute(one.mail.received_at),
            one.mail.shop,
            marked(one.order.number) if one.order else "[dim]none[/]",
            marked(one.mail.recipient),
            marked(one.mail.provider),
            badge(one.mail.state),
            marked(one.message.subject),
        )
    return made


def _as_json(one: Listed) -> dict[str, Any]:
    number = one.order.number if one.order else None
    return asdict(one.mail) | {"number": number, "subject": one.message.subject}
