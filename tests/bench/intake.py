"""How fast order mail is taken in durably, beside Postfix's smtpd on the same disk.

20 connections of smtp-source; a message is counted when its 250 came, which both sides say after
their fsync. The contenders take turns, so that whatever else the machine does hits all of them.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench import _mail_servers as servers
from tests.world.processes import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PEER = "Postfix"
REPEATS, SLOW_REPEATS = 5, 3
IDLE = 1_000


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent; `needed` and `goal` in multiples of Postfix's rate."""

    name: str
    size: int
    kept: bool
    count: int
    needed: float
    goal: float


LOADS = (
    Load("3 KB, new connections", 3_000, kept=False, count=2_000, needed=1.3, goal=2.0),
    Load("3 KB, kept connections", 3_000, kept=True, count=3_000, needed=2.5, goal=4.0),
    Load("40 KB, kept connections", 40_000, kept=True, count=1_500, needed=1.6, goal=2.5),
)
Rates = dict[tuple[str, str], list[float]]


def main() -> dict[str, Any]:
    """Measure and print all of it."""
    if shutil.which("smtp-source", path="/usr/sbin:/usr/bin") is None:
        Console().print("Postfix is not installed: nothing was measured.")
        return {}
    folder = temporary_folder("bench-fsync-")
    figures = _report("Taken in durably", _race({}, REPEATS), slow=False)
    slow = servers.slow_fsync(folder)
    figures |= _report("With fsync 5 ms slower", _race(slow, SLOW_REPEATS), slow=True)
    shutil.rmtree(folder)
    return figures | _memory()


def _race(environment: Mapping[str, str], repeats: int) -> Rates:
    """Every contender's rates (messages/s) under every load, measured in turns."""
    rates: Rates = {}
    with ExitStack() as undo:
        peer, queue = undo.enter_context(servers.postfix(environment))
        ports = {PEER: peer}
        urls = {
            "SQLite": undo.enter_context(servers.sqlite_url()),
            "PostgreSQL": undo.enter_context(servers.postgresql_url(environment)),
        }
        for name, url in urls.items():
            if url:
                ports[name], _ = undo.enter_context(servers.ours(url, environment))
        for _ in range(repeats):
            for load in LOADS:
                for name, port in ports.items():
                    rates.setdefault((load.name, name), []).append(_rate(load, port, queue))
    return rates


def _rate(load: Load, port: int, queue: Path) -> float:
    rate = servers.push(port, load.size, load.count, kept=load.kept)
    servers.settle(queue)
    return rate


def _report(title: str, rates: Rates, *, slow: bool) -> dict[str, float]:
    table = Table(title=f"{title} (messages/s, 20 connections)")
    for column in ("load", "server", "median", "x Postfix", "each", "needed", "goal"):
        table.add_column(column, justify="left" if column in {"load", "server"} else "right")
    figures = {}
    for load in LOADS:
        peer = rates[load.name, PEER]
        for name in (PEER, "SQLite", "PostgreSQL"):
            if mine := rates.get((load.name, name)):
                ratios = [one / other for one, other in zip(mine, peer, strict=True)]
                table.add_row(*_row(load, name, mine, ratios, slow=slow))
                figures[_key(load, name, slow=slow)] = round(statistics.median(ratios), 2)
                figures[f"{_key(load, name, slow=slow)}_rate"] = round(statistics.median(mine))
    console = Console()
    console.print(table)
    console.print(
        f"n = {len(peer)} runs of each, in turns; a ratio is within one turn", style="dim"
    )
    return figures


def _row(
    load: Load, name: str, mine: list[float], ratios: list[float], *, slow: bool
) -> tuple[str, ...]:
    each = " ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    needed, goal = (1.0, 1.0) if slow else (load.needed, load.goal)
    against = ("", "", "", "")
    if name != PEER:
        against = (f"{statistics.median(ratios):.2f}", each, f"{needed:.1f}", f"{goal:.1f}")
    return (load.name, name, f"{statistics.median(mine):.0f}", *against)


def _key(load: Load, name: str, *, slow: bool) -> str:
    kind = f"{load.size // 1000}kb_{'kept' if load.kept else 'new'}"
    return f"{kind}_{name.lower()}{'_slow_fsync' if slow else ''}"


def _memory() -> dict[str, float]:
    """Resident memory with 1,000 idle connections while 20 others bring mail."""
    with servers.sqlite_url() as url, servers.ours(url, {}) as (port, pid), ExitStack() as undo:
        process = psutil.Process(pid)
        alone = process.memory_info().rss
        for _ in range(IDLE):
            idle = undo.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            idle.recv(512)
        work = threading.Thread(
            target=servers.push, args=(port, 40_000, 3_000), kwargs={"kept": True}
        )
        work.start()
        most = 0
        while work.is_alive():
            most = max(most, process.memory_info().rss)
            work.join(0.05)
    table = Table(title="Resident memory of the intake (MB)")
    for column in ("alone", f"{IDLE} idle and 20 busy connections", "needed"):
        table.add_column(column, justify="right")
    table.add_row(f"{alone / 1e6:.0f}", f"{most / 1e6:.0f}", "300")
    Console().print(table)
    return {"rss_mb_alone": round(alone / 1e6, 1), "rss_mb_busy": round(most / 1e6, 1)}
