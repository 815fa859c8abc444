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
Runs = dict[tuple[str, str], list[peers.Run]]


def main() -> dict[str, Any]:
    """Measure and print all of it."""
    if shutil.which("smtp-sink", path="/usr/sbin:/usr/bin") is None:
        Console().print("Postfix is not installed: nothing was measured.")
        return {}
    runs: Runs = {}
    for _ in range(REPEATS):
        for load, (size, count) in LOADS.items():
            for name, run in _turn(size, count).items():
                runs.setdefault((load, name), []).append(run)
    return _report(runs)


def _turn(size: int, count: int) -> dict[str, peers.Run]:
    """Every contender's run, each with a fresh queue."""
    with ExitStack() as undo:
        port = undo.enter_context(peers.sink())
        runs = {PEER: peers.postfix(port, count, size)}
        urls = {
            "SQLite": undo.enter_context(sqlite_url()),
            "PostgreSQL": undo.enter_context(postgresql_url({})),
        }
        for name, url in urls.items():
            if url:
                runs[name] = peers.ours(url, port, count, size)
        return runs


def _report(runs: Runs) -> dict[str, float]:
    table = Table(title="Sent on (messages/s, 20 connections)")
    for column in ("load", "sender", "median", "x Postfix", "each", "needed", "goal", "CPU ms"):
        table.add_column(column, justify="left" if column in {"load", "sender"} else "right")
    figures = {}
    for (load, name), mine in runs.items():
        pairs = zip(mine, runs[load, PEER], strict=True)
        ratios = [one.rate / other.rate for one, other in pairs]
        table.add_row(*_row(load, name, mine, ratios))
        key = f"{load.replace(' ', '').lower()}_{name.lower()}"
        figures[key] = round(statistics.median(ratios), 2)
        figures[f"{key}_rate"] = round(statistics.median(run.rate for run in mine))
        figures[f"{key}_cpu_ms"] = round(statistics.median(run.cpu_ms for run in mine), 2)
    console = Console()
    console.print(table)
    console.print(f"n = {REPEATS} runs of each, in turns; a ratio is within one turn", style="dim")
    return figures


def _row(load: str, name: str, mine: list[peers.Run], ratios: list[float]) -> tuple[str, ...]:
    rate = f"{statistics.median(run.rate for run in mine):.0f}"
    cpu = f"{statistics.median(run.cpu_ms for run in mine):.2f}"
    if name == PEER:
        return (load, name, rate, "", "", "", "", cpu)
    each = " ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    median = f"{statistics.median(ratios):.2f}"
    return (load, name, rate, median, each, f"{NEEDED}", f"{GOAL}", cpu)
