"""Where the files wait until all is well: a private folder beside the place they go to.

Whatever ends the conversation early leaves nothing behind.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from daemon.settings import Settings, load
from daemon.settings.writing import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRETS = "secrets"
KEY = f"{SECRETS}/secret.key"


class Staging:
    """Collects the settings file `target` and its secrets; `publish` puts them in place.

    A secret file of an earlier time is never overwritten without `force`, its key never at all.
    """

    def __init__(self, target: Path, *, force: bool) -> None:
        self._target, self._force = target.absolute(), force
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        home = self._target.parent
        self.folder = Path(tempfile.mkdtemp(prefix=".receiptwatch-init-", dir=home))
        (self.folder / SECRETS).mkdir(mode=0o700)
        kept = home / KEY
        _write(self.folder / KEY, kept.read_bytes() if kept.exists() else secrets.token_bytes(32))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def secret(self, name: str, text: str) -> str:
        """Keep a secret in a file of its own; its path, relative to the settings file."""
        file = self._names.setdefault(name, self._free(name))
        _write(self.folder / file, f"{text}\n".encode())
        return file

    def settings(self, data: Mapping[str, Any]) -> Settings:
        """The settings that `data` and the secrets so far make; raises SettingsError."""
        file = self.folder / self._target.name
        _write(file, written(data).encode(), mode=0o644)
        return load(file)

    def publish(self, data: Mapping[str, Any]) -> Settings:
        """Put the secrets that `data` names in place, then the settings file; load it there."""
        self.settings(data)
        home = self._target.parent
        (home / SECRETS).mkdir(mode=0o700, exist_ok=True)
        for file in set(_files(data)):
            if file != KEY or not (home / KEY).exists():
                (self.folder / file).replace(home / file)
        (self.folder / self._target.name).replace(self._target)
        return load(self._target)

    def _free(self, name: str) -> str:
        stem, dot, kind = f"{SECRETS}/{name}".rpartition(".")
        file, number = f"{stem}{dot}{kind}", 1
        while not self._force and (self._target.parent / file).exists():
            number += 1
            file = f"{stem}-{number}{dot}{kind}"
        return file


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _files(value: object) -> Iterator[str]:
    """Every path below a key `…_file`."""
    if isinstance(value, dict):
        yield from (inner for key, inner in value.items() if key.endswith("_file"))
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for inner in inside:
        yield from _files(inner)
