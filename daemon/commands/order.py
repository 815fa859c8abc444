"""`receiptwatch order`: what became of an order's receipts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon import desk
from daemon.commands.cases import InState, Search, badge, case_json, show_case
from daemon.commands.options import (
    DEFAULT_FILE,
    AsJson,
    Limit,
    OnlyShop,
    SettingsFile,
    load_or_exit,
    only_shop,
    print_json,
    refuse,
    with_ledger,
)
from daemon.commands.screen import console, marked, minute, table, when
from daemon.ledger import orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.desk import Case, Listed
    from daemon.ledger.orders import OrderRow

app = typer.Typer(name="order", no_args_is_help=True, help="What became of an order's receipts.")

PER_ORDER = 4
"""So many receipts are read for every order that is to be listed."""


@app.command("list")
def list_orders(
    config: SettingsFile = DEFAULT_FILE,
    *,
    search: Search = "",
    state: InState = None,
    shop: OnlyShop = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show the orders whose receipts came in last; a receipt without an order stands alone."""
    settings = load_or_exit(config)
    whose, most = only_shop(settings, shop), limit * PER_ORDER

    async def read(conn: AsyncConnection) -> list[Listed]:
        return await desk.listed(conn, search, state=state, shop=whose, limit=most)

    rows = by_order(with_ledger(settings, read))[:limit]
    if as_json:
        print_json({"orders": [_as_json(row) for row in rows]})
    else:
        console().print(_table(rows) if rows else "No receipt fits.")


def by_order(receipts: Iterable[Listed]) -> list[list[Listed]]:
    """The receipts of each order together, the order of the newest first."""
    together: dict[str, list[Listed]] = {}
    for one in receipts:
        together.setdefault(one.order.id if one.order else one.mail.id, []).append(one)
    return list(together.values())


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="The order's number, or its id.")],
    config: SettingsFile = DEFAULT_FILE,
    *,
    shop: OnlyShop = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of each of the order's receipts, with the SMTP line behind each step."""
    settings = load_or_exit(config)
    whose = only_shop(settings, shop)

    async def read(conn: AsyncConnection) -> tuple[Sequence[OrderRow], list[Case]]:
        found = await _named(conn, number, whose)
        if len(found) != 1:
            return found, []
        return found, await desk.cases_of_order(conn, found[0].id, shop=whose)

    found, cases = with_ledger(settings, read)
    if len(found) != 1:
        _refuse(number, found)
    if as_json:
        print_json({"order": asdict(found[0]), "receipts": [case_json(case) for case in cases]})
    else:
        _show(found[0], cases)


async def _named(conn: AsyncConnection, number: str, shop: str | None) -> Sequence[OrderRow]:
    """The orders of this number, else the one of this id."""
    if found := await orders.by_number(conn, number, shop=shop):
        return found
    row = await orders.get(conn, number, shop=shop)
    return [row] if row else []


def _refuse(number: str, found: Sequence[OrderRow]) -> None:
    if found:
        shops = ", ".join(row.shop for row in found)
        refuse(f"Several shops have an order {number!a}: write --shop with one of: {shops}.")
    refuse(
        f"There is no order {number!a}. Its receipt may not have come in, or names no order: "
        f"`receiptwatch mail list --search TEXT` looks for an address or a subject."
    )


def _show(order: OrderRow, cases: Sequence[Case]) -> None:
    screen = console()
    who = ", ".join(filter(None, (order.customer_name, order.customer)))
    customer = f", for {marked(who)}" if who else ""
    screen.print(f"[bold]Order {marked(order.number)}[/] of {order.shop}{customer} ({order.id})")
    screen.print(f"First seen {when(order.first_seen_at)}.")
    if not cases:
        screen.print("No receipt of it has come in.")
    for case in cases:
        screen.print()
        show_case(screen, case)


def _table(rows: Sequence[Sequence[Listed]]) -> Table:
    made = table("order", "shop", "last receipt", "customer", "receipts", "subject")
    for receipts in rows:
        newest = receipts[0]
        order = newest.order
        made.add_row(
            marked(order.number) if order else f"[dim]none (mail {newest.mail.id})[/]",
            newest.mail.shop,
            minute(newest.mail.received_at),
            marked((order and order.customer) or newest.mail.recipient),
            ", ".join(badge(one.mail.state) for one in receipts),
            marked(newest.message.subject),
        )
    return made


def _as_json(receipts: Sequence[Listed]) -> dict[str, Any]:
    order = receipts[0].order
    told = [asdict(one.mail) | {"subject": one.message.subject} for one in receipts]
    return {"order": asdict(order) if order else None, "receipts": told}
