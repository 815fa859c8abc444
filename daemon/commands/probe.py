"""`receiptwatch probe --now`: one round at once, whatever the schedule says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from daemon import __version__, logs
from daemon.assembly.engine import open_engine
from daemon.clock import Clock
from daemon.commands.options import (
    DEFAULT_FILE,
    NOT_SO,
    AsJson,
    SettingsFile,
    load_or_exit,
    print_json,
    refuse,
)
from daemon.commands.tables import result_json, results_table
from daemon.ledger.failures import LedgerError
from daemon.metrics import Metrics
from daemon.rulings.overview import VISIBLE

if TYPE_CHECKING:
    from daemon.assembly.engine import Engine
    from daemon.rounds.full_round import Result
    from daemon.rulings.schedule import Pair
    from daemon.settings import Settings

Only = Annotated[str | None, typer.Option(help="Only this one.")]


def probe(
    config: SettingsFile = DEFAULT_FILE,
    *,
    now: Annotated[bool, typer.Option("--now", help="Send now; required, mail is sent.")] = False,
    shop: Only = None,
    route: Only = None,
    provider: Only = None,
    seed: Only = None,
    as_json: AsJson = False,
) -> None:
    """Send one test receipt by every route to every seed and say where each landed."""
    if not now:
        refuse("This sends mail. Say `receiptwatch probe --now`, perhaps with --route or --seed.")
    chosen = {"shop": shop, "route": route, "provider": provider, "seed": seed}
    results = run_round(load_or_exit(config), chosen, quiet=as_json)
    if as_json:
        print_json({"probes": [result_json(result) for result in results]})
    raise typer.Exit(0 if all_visible(results) else NOT_SO)


def all_visible(results: list[Result]) -> bool:
    """Whether every receipt of the round could be seen by a customer."""
    return bool(results) and all(result.row.placement in VISIBLE for result in results)


def run_round(settings: Settings, chosen: dict[str, str | None], *, quiet: bool) -> list[Result]:
    """A full round over the chosen pairs, shown as it goes unless `quiet`."""
    logs.setup(level=logs.ERROR)
    try:
        return asyncio.run(_round(settings, chosen, quiet=quiet))
    except (LedgerError, ValueError, OSError) as error:
        refuse(str(error))


async def _round(settings: Settings, chosen: dict[str, str | None], *, quiet: bool) -> list[Result]:
    async with open_engine(settings, Clock(), Metrics(__version__)) as engine:
        pairs = [pair for pair in engine.pairs if _is_chosen(engine, pair, chosen)]
        if not pairs:
            raise ValueError("No route and seed of the settings fit what was asked for.")
        return await shown_round(engine, pairs, Console(quiet=quiet))


async def shown_round(engine: Engine, pairs: list[Pair], screen: Console) -> list[Result]:
    """Run a round with a progress bar on stderr, then print its table."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    aside = Console(stderr=True, quiet=screen.quiet)
    with Progress(*columns, console=aside, transient=True) as bar:
        task = bar.add_task("receipts settled", total=len(pairs))

        def progress(results: list[Result]) -> None:
            bar.update(task, completed=sum(result.settled for result in results))

        results = await engine.full_round.run(pairs, progress)
    screen.print(results_table(results, "Test receipts"))
    return results


def _is_chosen(engine: Engine, pair: Pair, chosen: dict[str, str | None]) -> bool:
    facts = {
        "shop": pair.shop,
        "route": pair.route,
        "seed": pair.seed,
        "provider": engine.readers[pair.seed].seed.provider,
    }
    return all(want is None or facts[key] == want for key, want in chosen.items())
