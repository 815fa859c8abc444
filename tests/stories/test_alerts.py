"""Alerts as people run them: `alert test`, `alert log`, what `check` says, the sign of life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.daemon.alerts.channel_samples import BOT, SIGNING, Services
from tests.daemon.alerts.http_server import HttpServer, Reply
from tests.stories.programs import address, change, receiptwatch, running, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.demo.world import DemoWorld


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    async with HttpServer(Services()) as running:
        yield running


def told(file: Path, server: HttpServer, **more: Any) -> list[dict[str, Any]]:
    """Two contacts; `more` are the keys of both."""
    person = {"language": "he", "time_zone": "Asia/Jerusalem", **more}
    return [
        {
            **person,
            "name": "sara",
            "channel": "webhook",
            "by": {"url": f"{server.url}/notices", "secret_file": secret(file, "hook", SIGNING)},
        },
        {
            **person,
            "name": "omid",
            "channel": "telegram",
            "by": {"chat": "7", "token_file": secret(file, "bot", BOT), "base_url": server.url},
        },
    ]


def secret(file: Path, name: str, text: str) -> str:
    path = file.with_name(name)
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


async def test_test_notices_go_out_and_every_answer_is_shown(
    demo_world: DemoWorld, server: HttpServer
) -> None:
    file = demo_world.settings_file
    change(file, alerts={"contacts": told(file, server)})
    tried = await receiptwatch("alert", "test", "--config", file)
    assert tried.code == 0, tried.err
    assert "✓ sara by webhook: The channel took it." in tried.out
    assert "✓ omid by telegram: The channel took it. (42)" in tried.out
    assert len(server.requests) == 2
    one = await receiptwatch("alert", "test", "omid", "--json", "--config", file)
    assert [answer["contact"] for answer in one.json["answers"]] == ["omid"]
    assert len(server.requests) == 3


async def test_a_channel_that_does_not_take_it_is_named_and_ends_with_1(
    demo_world: DemoWorld, server: HttpServer
) -> None:
    file = demo_world.settings_file
    change(file, alerts={"contacts": told(file, server)})
    server.answer = Services(fault=Reply(403))
    tried = await receiptwatch("alert", "test", "sara", "--config", file)
    assert tried.code == 1
    assert "✗ sara by webhook: The webhook's receiver answered 403." in tried.out


async def test_a_contact_that_nobody_knows_ends_with_2(
    demo_world: DemoWorld, server: HttpServer
) -> None:
    file = demo_world.settings_file
    nobody = await receiptwatch("alert", "test", "--config", file)
    assert nobody.code == 2
    assert "nobody to tell" in nobody.err
    change(file, alerts={"contacts": told(file, server)})
    unknown = await receiptwatch("alert", "test", "sarah", "--config", file)
    assert unknown.code == 2
    assert "Did you mean sara?" in unknown.err


async def test_the_log_is_empty_until_somebody_was_told(demo_world: DemoWorld) -> None:
    log = await receiptwatch("alert", "log", "--config", demo_world.settings_file)
    assert (log.code, log.out.strip()) == (0, "No notice.")


async def test_check_says_what_nobody_would_hear_of(
    demo_world: DemoWorld, server: HttpServer
) -> None:
    file = demo_world.settings_file
    alone = await receiptwatch("check", "--no-send", "--config", file)
    assert alone.code == 0
    assert "! Nobody is told when receipts of demo do not land." in alone.out
    switch = secret(file, "switch", f"{server.url}/ping")
    alerts = {"contacts": told(file, server, operator=True), "heartbeat_url_file": switch}
    change(file, alerts=alerts)
    covered = await receiptwatch("check", "--no-send", "--json", "--config", file)
    assert covered.json["alerts"]["gaps"] == []
    assert [c["channel"] for c in covered.json["alerts"]["contacts"]] == ["webhook", "telegram"]
    assert server.requests == []


async def test_the_running_service_gives_a_sign_of_life_and_shows_its_metrics(
    demo_world: DemoWorld, server: HttpServer
) -> None:
    file = demo_world.settings_file
    switch = secret(file, "switch", f"{server.url}/ping")
    heartbeat = {"heartbeat_url_file": switch, "heartbeat_every": "1s"}
    change(file, alerts={"contacts": told(file, server), **heartbeat})
    async with running(file, "--no-probing"):

        async def pinged_twice() -> bool:
            return [r.path for r in server.requests].count("/ping") >= 2

        assert await until(pinged_twice)
        async with httpx2.AsyncClient() as http:
            metrics = (await http.get(f"{address(file, 'metrics')}/metrics")).text
    assert 'receiptwatch_heartbeat_pings_total{outcome="failed"} 0.0' in metrics
    assert 'receiptwatch_heartbeat_timestamp_seconds{loop="notify"}' in metrics
    labels = 'channel="webhook",kind="opened",outcome="sent"'
    assert f"receiptwatch_notices_total{{{labels}}} 0.0" in metrics
