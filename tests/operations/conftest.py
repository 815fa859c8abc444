"""One watched world for a whole file of tests."""

from __future__ import annotations

import secrets
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import yaml

from daemon.demo.imap import Dialect, ImapServer
from tests.conftest import unavailable
from tests.operations import servers
from tests.operations.watching import Watched, watched_world
from tests.stories.programs import change, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LANES = 9
"""Three routes at three providers."""


@pytest.fixture(scope="module")
def programs() -> None:
    """Skip where a program is missing; with CI=true that is an error."""
    if lacking := servers.missing():
        unavailable(f"not installed: {', '.join(lacking)}; `make world-packages` installs them")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(
    programs: None,  # noqa: ARG001 - asked for, so that nothing starts without them
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Watched]:
    """All is well; every lane, and order mail, was counted by Prometheus while it watched."""
    directory = tmp_path_factory.mktemp("world")
    async with watched_world(directory, selling=True) as running, _bounces(running) as bounces:
        settings = running.stage.world.settings_file
        [shop] = yaml.safe_load(settings.read_text())["shops"]
        contacts = [_contact(running)]
        change(settings, alerts={"contacts": contacts}, shops=[shop | {"bounces": bounces}])
        assert await running.reload() == 200
        await running.another_round()
        await until(lambda: _all_counted(running))
        yield running


@asynccontextmanager
async def _bounces(watched: Watched) -> AsyncIterator[dict[str, Any]]:
    """The shop's bounce mailbox, as its settings name it."""
    world, address, password = watched.stage.world, "bounces@saffron.test", secrets.token_hex(8)
    server = ImapServer(Dialect({}), {address: password})
    await server.start(world.authority.server_context("imap.saffron.test"))
    imap = {"host": "127.0.0.1", "port": server.port, "ca_file": str(world.authority.ca_file)}
    secret = _secret(watched, "bounces.password", password)
    yield {"address": address, "imap": imap, "login": {"kind": "password", "password_file": secret}}
    await server.close()


def _secret(watched: Watched, name: str, text: str) -> str:
    file = watched.stage.world.settings_file.with_name(name)
    file.touch(mode=0o600)
    file.write_text(f"{text}\n")
    return str(file)


def _contact(watched: Watched) -> dict[str, Any]:
    key = _secret(watched, "webhook.key", f"whsec_{b64encode(bytes(32)).decode()}")
    return {
        "name": "owner",
        "language": "en",
        "time_zone": "Europe/Berlin",
        "channel": "webhook",
        "by": {"url": watched.inbox.url, "secret_file": key},
    }


async def _all_counted(watched: Watched) -> bool:
    observed = "shop_route_provider:receiptwatch_probes_observed:increase1d > 0"
    findings = await watched.ask("shop_route_check_status:receiptwatch_findings:increase1d > 0")
    accepted = "sum(shop_route:receiptwatch_mail_accepted_seconds:p95_1h)"
    counted = len(await watched.ask(observed)) == LANES and any(findings)
    return counted and bool(await watched.ask(accepted))
