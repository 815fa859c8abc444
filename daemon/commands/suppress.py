"""`receiptwatch suppress`: the addresses that a shop writes to no more."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from daemon import desk
from daemon.clock import Clock
from daemon.commands.options import (
    DEFAULT_FILE,
    AsJson,
    By,
    OnlyShop,
    SettingsFile,
    known_shop,
    load_or_exit,
    only_shop,
    print_json,
    with_ledger,
)
from daemon.commands.screen import console, marked, minute, table
from daemon.ledger import suppressions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from daemon.ledger.suppressions import Suppression

app = typer.Typer(
    name="suppress", no_args_is_help=True, help="Addresses that a shop writes to no more."
)

Address = Annotated[str, typer.Argument(help="An e-mail address.")]
OfShop = Annotated[str | None, typer.Option("--shop", help="Whose list; not needed for one shop.")]


@app.command()
def add(
    address: Address,
    config: SettingsFile = DEFAULT_FILE,
    *,
    shop: OfShop = None,
    reason: Annotated[str, typer.Option(help="Why, in your words.")] = "asked for",
    by: By = "",
) -> None:
    """Write to this address no more; receipts for it are kept and shown as suppressed."""
    settings = load_or_exit(config)
    row = with_ledger(
        settings,
        partial(
            desk.suppress,
            shop=known_shop(settings, shop),
            address=address,
            reason=reason,
            at=Clock().now(),
            by=by or getpass.getuser(),
        ),
        writes=True,
    )
    typer.echo(f"{row.shop} writes to {row.address} no more.")


@app.command("rm")
def remove(address: Address, config: SettingsFile = DEFAULT_FILE, *, shop: OfShop = None) -> None:
    """Write to this address again; what was held back is not sent by itself."""
    settings = load_or_exit(config)
    whose = known_shop(settings, shop)
    gone = with_ledger(settings, partial(desk.unsuppress, shop=whose, address=address), writes=True)
    typer.echo(f"{whose} may write to {gone} again.")


@app.command("list")
def list_suppressions(
    config: SettingsFile = DEFAULT_FILE, *, shop: OnlyShop = None, as_json: AsJson = False
) -> None:
    """Show the addresses, why each is there, since when and by whom."""
    settings = load_or_exit(config)
    whose = only_shop(settings, shop)
    rows = with_ledger(settings, lambda conn: suppressions.all(conn, shop=whose))
    if as_json:
        print_json({"suppressions": [asdict(row) for row in rows]})
    else:
        console().print(_table(rows) if rows else "No address is suppressed.")


def _table(rows: Sequence[Suppression]) -> Table:
    made = table("shop", "address", "since", "by", "reason", "mail")
    for row in rows:
        made.add_row(
            row.shop,
            marked(row.address),
            minute(row.since),
            marked(row.by),
            marked(row.reason),
            row.mail or "",
        )
    return made
