"""A folder such as an operator has: a settings file's neighbours, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery staple"

SECRETS = {
    "secret.key": bytes(range(1, 33)),
    "short.key": b"x" * 31,
    "good.password": f"{PASSWORD}\n".encode(),
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
    for name, content in SECRETS.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "open.password").write_text("seen by all\n")
    (tmp_path / "open.password").chmod(0o644)
    return tmp_path
