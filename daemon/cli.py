"""The command line. Exit codes: 0 as asked, 1 it did not hold, 2 bad usage or settings."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from daemon import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def _lasting() -> Iterator[None]:
    """What is made meanwhile lasts: the garbage collector need not look at it, now or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


with _lasting():  # a fifth of every start would go to the collector
    from daemon.commands import (
        alert,
        check,
        config,
        demo,
        diagnose,
        history,
        incident,
        init,
        login,
        mail,
        order,
        password,
        probe,
        queue,
        replay,
        run,
        status,
        suppress,
    )

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks print local variables, secrets among them
    help="Watches whether order receipts reach the customer's eyes.",
    epilog="Exit codes: 0 as asked; 1 what was asked for did not hold; 2 bad usage or settings.",
)
VERBS: tuple[Callable[..., None], ...] = (
    init.init,
    check.check,
    run.run,
    probe.probe,
    status.status,
    diagnose.diagnose,
    login.login,
    password.password,
    demo.demo,
    replay.replay,
    queue.queue,
)
for verb in VERBS:
    app.command()(verb)
app.command("history")(history.print_history)
app.add_typer(config.app)
app.add_typer(incident.app)
app.add_typer(alert.app)
app.add_typer(order.app)
app.add_typer(mail.app)
app.add_typer(suppress.app)


def _version(*, asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    *,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True),  # noqa: FBT003 - typer's default
) -> None:
    """Watches whether order receipts reach the customer's eyes."""


def main() -> None:
    """Run the command line."""
    app()
