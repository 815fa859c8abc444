"""`receiptwatch replay`: what would have alerted? Recorded observations through the daemon's code.

Exit codes: 0 replayed, 2 a broken line (unless skipped), an unknown threshold or no such file.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from daemon.commands.options import refuse
from daemon.rulings.recording import BrokenLine, lines, read
from daemon.rulings.thresholds import Thresholds
from daemon.rulings.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daemon.rulings.observations import Observation

STDIN = Path("-")


@dataclass(slots=True)
class Tally:
    """What was replayed so far."""

    observations: int = 0
    events: int = 0
    broken: int = 0
    began: float = field(default_factory=perf_counter)

    def __str__(self) -> str:
        """The summary's one line."""
        took = perf_counter() - self.began
        rate = self.observations / took if took else 0.0
        broken = f", {self.broken} broken lines skipped" if self.broken else ""
        return (
            f"{self.observations} observations, {self.events} events{broken}; "
            f"{took:.1f} s, {rate:,.0f} observations a second"
        )


def replay(
    file: Annotated[Path, typer.Argument(help="Observations, one JSON object a line.")] = STDIN,
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Try another threshold; repeatable."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option(help="Name broken lines on stderr, and go on without them.")
    ] = False,
) -> None:
    """Replay recorded observations; print each event as a line of JSON as soon as it is known."""
    try:
        watch = Watch(Thresholds().assigned(set_ or []))
        with _opened(file) as recording:
            tally = _replay(read(lines(recording)), watch, skip_bad=skip_bad)
    except (ValueError, OSError) as error:
        refuse(str(error))
    typer.echo(str(tally), err=True)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with file.open("rb") as opened:
        yield opened


def _replay(found: Iterable[Observation | BrokenLine], watch: Watch, *, skip_bad: bool) -> Tally:
    """Every observation through the watch; what it says is flushed before the next is read."""
    tally = Tally()
    for item in found:
        if isinstance(item, BrokenLine):
            if not skip_bad:
                raise item
            typer.echo(str(item), err=True)
            tally.broken += 1
            continue
        tally.observations += 1
        for event in watch.observe(item):
            tally.events += 1
            print(json.dumps(event.as_json()), flush=True)  # noqa: T201 - the output
    return tally
