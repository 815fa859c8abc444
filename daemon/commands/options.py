"""What the verbs share: the settings file, `--json`, exit codes, a transaction of the ledger."""

from __future__ import annotations

import asyncio
import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from daemon.desk import NotDone
from daemon.ledger import Ledger, LedgerError
from daemon.settings import SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.settings import Settings

Answer = TypeVar("Answer")

NOT_SO = 1
"""What was asked for did not hold: a login failed, a receipt did not arrive."""
UNUSABLE = 2
"""Bad usage, bad settings, or no database."""

DEFAULT_FILE = Path("receiptwatch.yaml")

SettingsFile = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="RECEIPTWATCH_CONFIG", help="The settings file."),
]
OnlyShop = Annotated[str | None, typer.Option("--shop", help="Only this shop's.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at the most.")]
By = Annotated[str, typer.Option(help="Who does this; you, by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def load_or_exit(path: Path) -> Settings:
    """The settings in `path`; otherwise says every problem on stderr and exits with 2."""
    try:
        return load(path)
    except SettingsError as error:
        refuse(str(error))


def with_ledger(
    settings: Settings,
    work: Callable[[AsyncConnection], Awaitable[Answer]],
    *,
    writes: bool = False,
) -> Answer:
    """What `work` makes of one transaction; exits with 2 without a database, 1 when refused."""
    try:
        return asyncio.run(_transacted(settings, work, writes=writes))
    except NotDone as refusal:
        not_so(str(refusal))
    except (LedgerError, ValueError) as error:
        refuse(str(error))


async def _transacted(
    settings: Settings, work: Callable[[AsyncConnection], Awaitable[Answer]], *, writes: bool
) -> Answer:
    ledger = await Ledger.open(settings.read_database_url().get_secret_value())
    try:
        await ledger.migrate()
        async with ledger.write() if writes else ledger.read() as conn:
            return await work(conn)
    finally:
        await ledger.close()


def known_shop(settings: Settings, name: str | None) -> str:
    """The shop of that name, or the only one there is; exits with 2 otherwise."""
    names = [shop.name for shop in settings.shops]
    if name is None and len(names) > 1:
        refuse(f"Which shop? Write --shop with one of: {', '.join(names)}.")
    if name is not None and name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}."
        refuse(f"The settings name no shop {name!a}; {hint}")
    return name or names[0]


def only_shop(settings: Settings, name: str | None) -> str | None:
    """The shop that was asked for, None for all of them; exits with 2 when there is none."""
    return None if name is None else known_shop(settings, name)


def known_route(settings: Settings, shop: str, name: str | None) -> str:
    """The shop's route of that name, or its primary; exits with 2 when there is none."""
    found = [one for one in settings.shops if one.name == shop]
    if not found:
        refuse(f"The settings name no shop {shop!a} any more.")
    names = [route.name for route in found[0].routes]
    if name is not None and name not in names:
        refuse(f"{shop} has no route {name!a}; there are: {', '.join(names)}.")
    return name or found[0].primary.name


def not_so(sentence: str) -> NoReturn:
    """Say that what was asked for does not hold, and exit with 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(NOT_SO)


def refuse(sentence: str) -> NoReturn:
    """Say why nothing was done, and exit with 2."""
    typer.echo(sentence, err=True)
    raise typer.Exit(UNUSABLE)


def print_json(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print one JSON object on stdout; of what it quotes, nothing unseen reaches a terminal."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    typer.echo("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text))
