"""Secrets that a channel's settings name by file, read anew for every delivery."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr, ValidationInfo

from daemon.alerts.channel import Undeliverable

LONGEST_SECRET = 4_096


def read_secret(path: Path) -> SecretStr:
    """The file's one line; raises ValueError with a sentence for whoever wrote the settings."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            content = file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if mode & 0o007:
        raise ValueError(f"every user of this machine may open {path}; run chmod o-rwx on it")
    line = content.rstrip(b"\r\n")
    if not 0 < len(line) <= LONGEST_SECRET or not (line.isascii() and line.decode().isprintable()):
        raise ValueError(f"{path} must hold the secret alone, in one line of plain ASCII")
    return SecretStr(line.decode())


def secret_in(path: Path) -> str:
    """The secret, for one delivery; raises Undeliverable when it cannot be read."""
    try:
        return read_secret(path).get_secret_value()
    except ValueError as error:
        raise Undeliverable(f"The channel's secret: {error}.", permanent=True) from None


def _beside_the_settings(path: Path, info: ValidationInfo) -> Path:
    context = info.context if isinstance(info.context, dict) else {}
    return Path(context.get("folder", Path.cwd())) / path.expanduser()


def _readable(path: Path) -> Path:
    read_secret(path)
    return path


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    return path


SecretFile = Annotated[Path, AfterValidator(_beside_the_settings), AfterValidator(_readable)]
"""A file that holds one secret in one line, closed to other users."""
CaFile = Annotated[Path, AfterValidator(_beside_the_settings), AfterValidator(_certificates)]
"""A file of CA certificates in PEM form."""
