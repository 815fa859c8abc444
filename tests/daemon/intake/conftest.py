"""Certificates for the intake."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.world.pki import Authority

if TYPE_CHECKING:
    from pathlib import Path


class Tls(NamedTuple):
    """Both ends' contexts."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder: Path = tmp_path_factory.mktemp("tls")
    authority = Authority("Intake CA")
    authority.issue(folder, "intake", ["localhost"], "127.0.0.1")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "intake.crt", folder / "intake.key")
    return Tls(server, ssl.create_default_context(cadata=authority.pem().decode()))
