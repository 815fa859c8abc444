"""One watched world for a whole file of tests."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

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
    """All is well; every lane was counted by Prometheus while it watched."""
    async with watched_world(tmp_path_factory.mktemp("world")) as running:
        change(running.stage.world.settings_file, alerts={"contacts": [_contact(running)]})
        assert await running.reload() == 200
        await running.another_round()
        await until(lambda: _all_counted(running))
        yield running


def _contact(watched: Watched) -> dict[str, Any]:
    key = watched.stage.world.settings_file.with_name("webhook.key")
    key.touch(mode=0o600)
    key.write_text(f"whsec_{b64encode(bytes(32)).decode()}\n")
    return {
        "name": "owner",
        "language": "en",
        "time_zone": "Europe/Berlin",
        "channel": "webhook",
        "by": {"url": watched.inbox.url, "secret_file": str(key)},
    }


async def _all_counted(watched: Watched) -> bool:
    observed = "shop_route_provider:receiptwatch_probes_observed:increase1d > 0"
    findings = await watched.ask("shop_route_check_status:receiptwatch_findings:increase1d > 0")
    return len(await watched.ask(observed)) == LANES and any(findings)
