"""Certificates for the intake, and the event loop that the service runs on."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import uvloop

from tests.world.pki import Authority

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


class Tls(NamedTuple):
    """Both ends' contexts."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - the hook's signature
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop for what listens; the hostile tests beside it run on asyncio's own loop."""
    if item.path.parent == HERE:
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority("Intake CA")
    authority.issue(folder, "intake", ["localhost"], "127.0.0.1")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "intake.crt", folder / "intake.key")
    return Tls(server, ssl.create_default_context(cadata=authority.pem().decode()))
