"""`receiptwatch config`: what the settings are, may be, and look like.

Exit codes: 0 printed, 2 the settings file cannot be used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.settings import SettingsError, load
from daemon.settings.example import example, schema_text
from daemon.settings.writing import written

if TYPE_CHECKING:
    from daemon.settings import Settings

BAD_SETTINGS = 2

app = typer.Typer(name="config", no_args_is_help=True, help="Show, check and explain the settings.")

SettingsFile = Annotated[
    Path,
    typer.Option("--file", "-f", envvar="RECEIPTWATCH_FILE", help="The settings file."),
]
DEFAULT_FILE = Path("receiptwatch.yaml")


def load_or_exit(path: Path) -> Settings:
    """The settings in `path`; otherwise says every problem on stderr and exits with 2."""
    try:
        return load(path)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_SETTINGS) from None


@app.command()
def show(
    file: SettingsFile = DEFAULT_FILE,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the settings file and print what is in force, defaults and all; never a secret."""
    settings = effective(load_or_exit(file))
    typer.echo(
        json.dumps(settings, indent=2, ensure_ascii=False) if as_json else written(settings),
        nl=as_json,
    )


@app.command("schema")
def print_schema() -> None:
    """Print the JSON schema of the settings file, for editors."""
    typer.echo(schema_text(), nl=False)


@app.command("example")
def print_example() -> None:
    """Print a settings file to start from, with every key explained."""
    typer.echo(example(), nl=False)


def effective(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values, with every default; of secrets only the files' paths."""
    return settings.model_dump(mode="json", by_alias=True, exclude_none=True)
