"""What the verbs share: the settings file, `--json`, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from daemon.settings import SettingsError, load

if TYPE_CHECKING:
    from daemon.settings import Settings

NOT_SO = 1
"""What was asked for did not hold: a login failed, a receipt did not arrive."""
UNUSABLE = 2
"""Bad usage, bad settings, or no database."""

DEFAULT_FILE = Path("receiptwatch.yaml")

SettingsFile = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="RECEIPTWATCH_CONFIG", help="The settings file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def load_or_exit(path: Path) -> Settings:
    """The settings in `path`; otherwise says every problem on stderr and exits with 2."""
    try:
        return load(path)
    except SettingsError as error:
        refuse(str(error))


def refuse(sentence: str) -> NoReturn:
    """Say why nothing was done, and exit with 2."""
    typer.echo(sentence, err=True)
    raise typer.Exit(UNUSABLE)


def print_json(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print one JSON object on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, default=str))
