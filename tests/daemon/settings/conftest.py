"""A folder such as an operator has: a settings file's neighbours, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.daemon.settings.pem_files import pem_files

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery staple"

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$BFX4Az6AhSpUkRfRXBK+wg"

SECRETS = {
    "secret.key": bytes(range(1, 33)),
    "short.key": b"x" * 31,
    "good.password": f"{PASSWORD}\n".encode(),
    "good.hash": f"{HASH}\n".encode(),
    "argon2i.hash": HASH.replace("argon2id", "argon2i").encode(),
    "empty.password": b"\n",
    "two-lines.password": b"one\ntwo\n",
    "latin.password": b"caf\xe9\n",
    "large.password": b"x" * 65_537,
    "not-a-ca.pem": b"nothing\n",
    "broken.txt": b"{% if %}",
    "good.txt": b"Thank you! Order {{ order_number }}: {{ total }}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {**SECRETS, **pem_files()}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "open.password").write_text("seen by all\n")
    (tmp_path / "open.password").chmod(0o644)
    (tmp_path / "open.key").write_bytes(pem_files()["good.key"])
    (tmp_path / "open.key").chmod(0o644)
    return tmp_path
