"""`receiptwatch queue`: the order mail that is not over: what waits, where, since when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from daemon.commands.options import (
    DEFAULT_FILE,
    AsJson,
    Limit,
    OnlyShop,
    SettingsFile,
    load_or_exit,
    only_shop,
    print_json,
    with_ledger,
)
from daemon.commands.screen import console, marked, minute, table
from daemon.ledger import attempts, backlog
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.attempts import QueuedRow
    from daemon.ledger.backlog import RouteBacklog, Stuck

PERSON = {
    MailState.HELD: "held: a person must decide",
    MailState.IN_DOUBT: "in doubt: it may have arrived or not",
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, by route; what only a person ends, by shop; what is due first."""

    routes: list[RouteBacklog]
    stuck: list[Stuck]
    first: tuple[QueuedRow, ...]

    def as_json(self) -> dict[str, Any]:
        """The backlog as a JSON object."""
        return {
            "routes": [asdict(row) for row in self.routes],
            "stuck": [asdict(row) for row in self.stuck],
            "first": [asdict(row.attempt) | {"recipient": row.recipient} for row in self.first],
        }


def queue(
    config: SettingsFile = DEFAULT_FILE,
    *,
    shop: OnlyShop = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show what waits to be sent by which route, and what waits for a person."""
    settings = load_or_exit(config)
    whose = only_shop(settings, shop)

    async def read(conn: AsyncConnection) -> Backlog:
        return Backlog(
            await backlog.by_route(conn, shop=whose),
            await backlog.stuck(conn, shop=whose),
            (await attempts.queue(conn, whose, limit)).rows,
        )

    found = with_ledger(settings, read)
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)


def _show(found: Backlog) -> None:
    screen = console()
    screen.print(_routes(found.routes) if found.routes else "Nothing waits to be sent.")
    for row in found.stuck:
        screen.print(
            f"[red]{row.shop}: {row.mails} {PERSON[row.state]}[/], the first since "
            f"{minute(row.oldest_at)}: receiptwatch mail list --state {row.state} --shop {row.shop}"
        )
    if found.first:
        screen.print(_first(found.first))


def _routes(rows: Sequence[RouteBacklog]) -> Table:
    made = table("shop", "route", "waiting", "in hand", "oldest", "next try")
    for row in rows:
        numbers = str(row.waiting), str(row.in_hand)
        made.add_row(row.shop, row.route, *numbers, minute(row.oldest_at), minute(row.next_due_at))
    return made


def _first(rows: Sequence[QueuedRow]) -> Table:
    made = table("mail", "to", "by", "state", "tries", "next try", "why")
    for row in rows:
        one = row.attempt
        by = f"{one.shop}/{one.route}"
        told = one.state.replace("_", " "), str(one.tries), minute(one.due_at), marked(one.why)
        made.add_row(one.mail, marked(row.recipient), by, *told)
    return made
