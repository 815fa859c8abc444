"""How fast order mail is sent on, each step on record, beside Postfix's smtp client.

Both send the same number of messages from a full queue to the same smtp-sink, by 20 connections at
a time: Postfix by its default settings, we by our whole way out (claim, record, connect, record,
final dot, record). They take turns, so that whatever else the machine does hits all of them.
"""

from __future__ import annotations

import shutil
import statistics
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import _sending_peers as peers
from tests.bench._mail_servers import postgresql_url, sqlite_url

PEER = "Postfix"
REPEATS = 3
LOADS = {"3 KB": (3_000, 3_000), "40 KB": (40_000, 1_500)}
"""Octets of a message, and how many of them."""
NEEDED, GOAL = 2.0, 3.0
Rates = dict[tuple[str, str], list[float]]


def main() -> dict[str, Any]:
    """Measure and print all of it."""
    if shutil.which("smtp-sink", path="/usr/sbin:/usr/bin") is None:
        Console().print("Postfix is not installed: nothing was measured.")
        return {}
    rates: Rates = {}
    for _ in range(REPEATS):
        for load, (size, count) in LOADS.items():
            for name, rate in _turn(size, count).items():
                rates.setdefault((load, name), []).append(rate)
    return _report(rates)


def _turn(size: int, count: int) -> dict[str, float]:
    """Every contender's rate, each with a fresh queue."""
    with ExitStack() as undo:
        port = undo.enter_context(peers.sink())
        rates = {PEER: peers.postfix(port, count, size)}
        urls = {
            "SQLite": undo.enter_context(sqlite_url()),
            "PostgreSQL": undo.enter_context(postgresql_url({})),
        }
        for name, url in urls.items():
            if url:
                rates[name] = peers.ours(url, port, count, size)
        return rates


def _report(rates: Rates) -> dict[str, float]:
    table = Table(title="Sent on (messages/s, 20 connections)")
    for column in ("load", "sender", "median", "x Postfix", "each", "needed", "goal"):
        table.add_column(column, justify="left" if column in {"load", "sender"} else "right")
    figures = {}
    for (load, name), mine in rates.items():
        ratios = [one / other for one, other in zip(mine, rates[load, PEER], strict=True)]
        table.add_row(*_row(load, name, mine, ratios))
        key = f"{load.replace(' ', '').lower()}_{name.lower()}"
        figures[key] = round(statistics.median(ratios), 2)
        figures[f"{key}_rate"] = round(statistics.median(mine))
    console = Console()
    console.print(table)
    console.print(f"n = {REPEATS} runs of each, in turns; a ratio is within one turn", style="dim")
    return figures


def _row(load: str, name: str, mine: list[float], ratios: list[float]) -> tuple[str, ...]:
    rate = f"{statistics.median(mine):.0f}"
    if name == PEER:
        return (load, name, rate, "", "", "", "")
    each = " ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    return (load, name, rate, f"{statistics.median(ratios):.2f}", each, f"{NEEDED}", f"{GOAL}")
