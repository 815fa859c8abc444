"""`receiptwatch init`: from questions to settings that are known to work.

Exit codes: 0 written, 1 ended before anything was written, 2 a file is in the way or an answer in
the file of answers is missing or wrong.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.commands.init.asking import Answers, Terminal
from daemon.commands.init.interview import Stopped, converse
from daemon.commands.init.staging import Staging
from daemon.commands.init.trials import Trials
from daemon.commands.login import Paste, keep
from daemon.commands.options import DEFAULT_FILE, NOT_SO, SettingsFile, refuse
from daemon.ledger.failures import LedgerError
from daemon.settings import SettingsError

if TYPE_CHECKING:
    from daemon.settings import Settings

AnswersFile = Annotated[
    Path | None,
    typer.Option("--answers", help="A YAML file of answers, for unattended use (mode 0600)."),
]


def init(
    config: SettingsFile = DEFAULT_FILE,
    *,
    answers: AnswersFile = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the settings file.")] = False,
    paste: Paste = False,
) -> None:
    """Ask for shop, inboxes and routes, try each for real, and write the settings file."""
    if config.exists() and not force:
        refuse(f"{config} exists; --force overwrites it, --config writes another.")
    try:
        trials = Trials(paste=paste)
        asker = Answers(answers) if answers else Terminal()
        with Staging(config, force=force) as staging:
            settings = staging.publish(converse(asker, staging, trials))
    except SettingsError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{config} cannot be written: {error.strerror}.")
    except Stopped as stopped:
        typer.echo(f"{stopped} Nothing was written.", err=True)
        raise typer.Exit(NOT_SO) from None
    _keep_logins(settings, trials)
    _say_what_next(config, settings)


def _keep_logins(settings: Settings, trials: Trials) -> None:
    for account, held in trials.held.items():
        if held.token:
            try:
                asyncio.run(keep(settings, account, held.token))
            except (LedgerError, ValueError) as error:
                typer.echo(f"{error} Run `receiptwatch login {account}` later.", err=True)


def _say_what_next(config: Path, settings: Settings) -> None:
    option = "" if config == DEFAULT_FILE else f" --config {config}"
    inboxes = len(settings.seeds)
    typer.echo(
        f"\n{config} is written, with {inboxes} probe inbox{'es' if inboxes > 1 else ''}; its "
        f"secrets are in {config.absolute().parent / 'secrets'}. Keep secrets/secret.key safe: "
        "without it stored logins cannot be opened.\n\n"
        f"  receiptwatch check{option}     sends one full round and shows where it lands\n"
        f"  receiptwatch run{option}       watches from then on\n"
    )
