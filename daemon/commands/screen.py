"""How instants and strangers' words look in a terminal.

A subject, a server's reply or an address may hold escape sequences and marks that turn the text
around; none of them reaches the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from datetime import datetime

LONGEST = 1_000
_JOINERS = frozenset("\u200c\u200d")
"""They shape the letters of several scripts, and nothing else."""


def plain(text: str | None) -> str:
    """`text` on one line of at most 1,000 characters, a "�" for what is not to be seen."""
    line = " ".join((text or "")[: 4 * LONGEST].split())
    return "".join(c if c.isprintable() or c in _JOINERS else "\ufffd" for c in line[:LONGEST])


def marked(text: str | None) -> str:
    """`plain` text for rich, which reads [brackets] as its own marks."""
    return escape(plain(text))


def when(instant: datetime | None) -> str:
    """The instant as this machine's clock shows it, with its zone; "" for None."""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if instant else ""


def minute(instant: datetime | None) -> str:
    """The same without seconds, for tables."""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M %Z") if instant else ""


def table(*headings: str) -> Table:
    """An empty table whose cells break rather than vanish."""
    made = Table()
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def console() -> Console:
    """The terminal, or the file that stdout is; long words of ours are not coloured."""
    return Console(highlight=False)
