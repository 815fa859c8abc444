"""`receiptwatch history`: the ledger's own observations, in the form that `replay` reads."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.clock import Clock
from daemon.commands.options import DEFAULT_FILE, SettingsFile, load_or_exit, refuse
from daemon.ledger import Ledger, LedgerError, findings, probes
from daemon.rounds.observations import for_each_shop, history

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.rulings.observations import Observation
    from daemon.settings import Settings

MOST = 1_000_000


def print_history(
    config: SettingsFile = DEFAULT_FILE,
    *,
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 90,
) -> None:
    """Print what became of every probe, a JSON object a line, for `receiptwatch replay`."""
    settings = load_or_exit(config)
    try:
        told = asyncio.run(_observations(settings, Clock().now() - timedelta(days=days)))
    except (LedgerError, ValueError) as error:
        refuse(str(error))
    for observation in told:
        typer.echo(json.dumps(observation.as_json(), ensure_ascii=False))


async def _observations(settings: Settings, since: datetime) -> list[Observation]:
    """Every observation since, in the order in which it became known."""
    shops = [shop.name for shop in settings.shops]
    ledger = await Ledger.open(settings.read_database_url().get_secret_value())
    try:
        await ledger.migrate()
        async with ledger.read() as conn:
            rows = await probes.recent(conn, shop=None, limit=MOST)
            statuses = await findings.statuses(conn, since)
    finally:
        await ledger.close()
    known = [
        told
        for row in rows
        if row.planned_at >= since
        for seen in history(row, statuses.get(row.id, {}))
        for told in for_each_shop(seen, shops)
    ]
    return sorted(known, key=lambda observation: observation.at)
