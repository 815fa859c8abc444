"""`receiptwatch password`: makes the hash that a shop's login to the intake is checked by."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import not_so, refuse
from daemon.intake.login import hash_password

SHORTEST, LONGEST = 12, 256

Write = Annotated[
    Path | None,
    typer.Option("--write", help="Write the hash into this new file (mode 0600); else print it."),
]


def password(*, write: Write = None) -> None:
    """Ask for a password, or read it from stdin's first line, and make its argon2id hash."""
    hashed = hash_password(_checked(_asked()))
    if write is None:
        typer.echo(hashed)
        return
    _write(write, f"{hashed}\n")
    typer.echo(f"Written. In the settings: `password_hash_file: {write}`", err=True)


def _asked() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(4 * LONGEST).rstrip("\r\n")


def _checked(text: str) -> str:
    if len(text) < SHORTEST:
        refuse(f"A login that may send in the shop's name needs {SHORTEST} characters or more.")
    if len(text) > LONGEST or not text.isprintable():
        refuse(f"Use at most {LONGEST} characters, all of them visible.")
    return text


def _write(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except FileExistsError:
        not_so(f"There is a file {path} already; it is left as it is.")
    except OSError as error:
        not_so(f"{path} cannot be written: {error.strerror}")
