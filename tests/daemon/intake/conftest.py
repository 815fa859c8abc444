"""An intake of each test's own, certificates, and the event loop that the service runs on."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import uvloop

from tests.daemon.intake.front import Client, Shelf, client, intake
from tests.world.pki import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from daemon.intake.server import Intake

HERE = Path(__file__).parent


class Tls(NamedTuple):
    """Both ends' contexts, and the authority's certificate as PEM."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    authority: str


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - the hook's signature
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop for what listens; the hostile tests elsewhere run on asyncio's own loop."""
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
    trusted = authority.pem().decode()
    return Tls(server, ssl.create_default_context(cadata=trusted), trusted)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def door(shelf: Shelf) -> AsyncIterator[Intake]:
    async with intake(shelf) as running:
        yield running


@pytest.fixture
async def one(door: Intake) -> AsyncIterator[Client]:
    async with client(door.ports[0]) as connected:
        yield connected
