"""Figures, each beside what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

console = Console(width=140)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: `kept` is None where nothing is promised of it."""

    what: str
    n: str
    found: str
    promised: str = ""
    kept: bool | None = None


def exactly(what: str, n: str, found: int, promised: int = 0) -> Figure:
    """A count that must be this one."""
    return Figure(what, n, f"{found:,}", f"{promised:,}", found == promised)


def at_least(what: str, n: str, found: int, least: int = 1) -> Figure:
    """A count that must not be smaller."""
    return Figure(what, n, f"{found:,}", f"≥ {least:,}", found >= least)


def within(what: str, n: str, seconds: float, most: float) -> Figure:
    """A time that must not be longer."""
    return Figure(what, n, f"{seconds:.2f} s", f"≤ {most:g} s", seconds <= most)


def merely(what: str, n: str, found: object) -> Figure:
    """Told, and not promised."""
    return Figure(what, n, f"{found:,}" if isinstance(found, int) else str(found))


def least_time(what: str, n: str, seconds: float, least: float) -> Figure:
    """A time that must not be shorter."""
    return Figure(what, n, f"{seconds:.2f} s", f"≥ {least:g} s", seconds >= least)


def show(title: str, figures: Iterable[Figure]) -> None:
    """Print a part's table."""
    table = Table(title=title, title_justify="left")
    for column in ("what", "n", "found", "promised", ""):
        table.add_column(column, justify="right" if column in {"found", "promised"} else "left")
    for figure in figures:
        verdict = {True: "kept", False: "BROKEN", None: ""}[figure.kept]
        table.add_row(figure.what, figure.n, figure.found, figure.promised, verdict)
    console.print(table)


def tell(progress: str) -> None:
    """A line of progress."""
    console.print(progress, style="dim", highlight=False)
