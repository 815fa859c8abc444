"""`receiptwatch history`: the ledger's own observations, in the form that `replay` reads."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.clock import Clock
from daemon.commands.options import DEFAULT_FILE, SettingsFile, load_or_exit, with_ledger
from daemon.ledger import findings, probes
from daemon.rounds.observations import for_each_shop, history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.rulings.observations import Observation

MOST = 1_000_000


def print_history(
    config: SettingsFile = DEFAULT_FILE,
    *,
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 90,
) -> None:
    """Print what became of every probe, a JSON object a line, for `receiptwatch replay`."""
    settings, since = load_or_exit(config), Clock().now() - timedelta(days=days)
    shops = [shop.name for shop in settings.shops]
    for observation in with_ledger(settings, partial(_observations, shops=shops, since=since)):
        typer.echo(json.dumps(observation.as_json(), ensure_ascii=False))


async def _observations(
    conn: AsyncConnection, *, shops: Sequence[str], since: datetime
) -> list[Observation]:
    """Every observation since, in the order in which it became known."""
    rows = await probes.recent(conn, shop=None, limit=MOST)
    statuses = await findings.statuses(conn, since)
    known = [
        told
        for row in rows
        if row.planned_at >= since
        for seen in history(row, statuses.get(row.id, {}))
        for told in for_each_shop(seen, shops)
    ]
    return sorted(known, key=lambda observation: observation.at)
