"""What the running service says when its ledger, its settings or its visitors are bad."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest
import yaml
from fastapi import FastAPI

from daemon.console import server as web
from tests.stories.programs import address, change, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.demo.stage import Stage


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[int]:
    """The port on which the app is served."""
    instance = web.server(app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(web.serve(instance, listener))
        yield listener.getsockname()[1]
        instance.should_exit = True
        await task


def damage(database: Path) -> None:
    """Make the schema unreadable, for connections that are open already too."""
    with sqlite3.connect(database) as conn:
        conn.execute("PRAGMA writable_schema=ON")
        conn.execute("UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'mailboxes'")
        conn.execute("PRAGMA schema_version=4711")
    conn.close()


async def test_with_a_damaged_ledger_the_metrics_go_on_and_the_page_says_what_is_wrong(
    on_stage: Stage, http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    file = on_stage.world.settings_file
    damage(tmp_path / "ledger.db")
    page = await http.get(address(file, "console") + "/")
    assert (page.status_code, "damaged" in page.text) == (503, True)
    ready = await http.get(address(file, "metrics") + "/-/ready")
    assert (ready.status_code, "damaged" in ready.json()["why"]) == (503, True)
    metrics = await http.get(address(file, "metrics") + "/metrics")
    assert (metrics.status_code, "receiptwatch_build_info" in metrics.text) == (200, True)


async def test_a_reload_that_names_a_bad_database_or_another_address_changes_nothing(
    on_stage: Stage, http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    file = on_stage.world.settings_file
    url, good = address(file, "metrics"), file.read_text()
    (tmp_path / "text.db").write_text("no database at all, and long enough to be looked at\n" * 99)
    change(file, database=f"sqlite:///{tmp_path}/text.db")
    refused = await http.post(f"{url}/-/reload")
    assert (refused.status_code, "not an SQLite database" in refused.text) == (422, True)
    file.write_text(good)
    change(file, listen={"console": "127.0.0.1:1"})
    refused = await http.post(f"{url}/-/reload")
    assert (refused.status_code, "restart" in refused.json()["why"]) == (422, True)
    assert (await http.get(f"{url}/-/healthy")).status_code == 200
    file.write_text(good)
    assert (await http.post(f"{url}/-/reload")).status_code == 200


async def test_a_seed_that_was_taken_out_is_in_no_metric_of_now(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    file = on_stage.world.settings_file
    url = address(file, "metrics")

    async def up() -> set[str]:
        text = (await http.get(f"{url}/metrics")).text
        gauges = ("receiptwatch_mailbox_up{", "receiptwatch_heartbeat", "receiptwatch_seed_probes")
        lines = [line for line in text.splitlines() if line.startswith(gauges)]
        return {line.rpartition(" ")[0] for line in lines}

    async def all_read() -> bool:
        return any('loop="read yahoo-1"' in line for line in await up())

    assert await until(all_read)
    seeds = yaml.safe_load(file.read_text())["seeds"]
    change(file, seeds=[seed for seed in seeds if seed["name"] != "yahoo-1"])
    assert (await http.post(f"{url}/-/reload")).status_code == 200
    left = await up()
    assert any("gmail-1" in line for line in left)
    assert not any("yahoo-1" in line for line in left)


async def test_a_strangers_web_page_can_change_nothing(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    url = address(on_stage.world.settings_file, "metrics")
    sent = await http.post(f"{url}/-/reload", headers={"Origin": "https://evil.example"})
    assert sent.status_code == 403
    assert sent.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/status.json", "/static/status.css", "/nothing"])
async def test_every_answer_carries_its_protection(
    on_stage: Stage, http: httpx2.AsyncClient, path: str
) -> None:
    url = address(on_stage.world.settings_file, "console")
    headers = (await http.get(url + path, headers={"Host": "evil.example"})).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:"])
async def test_who_does_not_send_a_whole_request_is_hung_up_on(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "HEAD_WITHIN_S", 0.2)
    async with serving(FastAPI(openapi_url=None)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_who_asks_in_time_gets_a_slow_answer_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "HEAD_WITHIN_S", 0.2)
    app = FastAPI(openapi_url=None)

    @app.get("/")
    async def slowly() -> str:
        await asyncio.sleep(0.6)  # three times what a head may take
        return "done"

    async with serving(app) as port, httpx2.AsyncClient(timeout=10) as client:
        for _ in range(2):
            assert (await client.get(f"http://127.0.0.1:{port}/")).json() == "done"
