"""`receiptwatch config`: what the settings are, may be, and look like.

Exit codes: 0 printed, 2 the settings file cannot be used.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from daemon.commands.options import DEFAULT_FILE, AsJson, SettingsFile, load_or_exit
from daemon.settings.example import example, schema_text
from daemon.settings.writing import written

if TYPE_CHECKING:
    from daemon.settings import Settings

app = typer.Typer(name="config", no_args_is_help=True, help="Show, check and explain the settings.")


@app.command()
def show(config: SettingsFile = DEFAULT_FILE, *, as_json: AsJson = False) -> None:
    """Check the settings file and print what is in force, defaults and all; never a secret."""
    settings = effective(load_or_exit(config))
    if as_json:
        typer.echo(json.dumps(settings, indent=2, ensure_ascii=False))
    else:
        typer.echo(written(settings), nl=False)


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
