"""The running service: pages, metrics, reload, and the end."""

from __future__ import annotations

import asyncio
import shutil
import signal
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.stories.programs import address, change, receiptwatch, running, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.demo.stage import Stage
    from daemon.demo.world import DemoWorld


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


async def settled(stage: Stage, http: httpx2.AsyncClient) -> dict[str, object]:
    """The status once every lane has a settled probe."""
    url = address(stage.world.settings_file, "console")

    async def all_lanes() -> dict[str, object] | None:
        status = (await http.get(f"{url}/status.json")).json()
        lanes = status["lanes"]
        return status if len(lanes) == 9 and all(x["visible"]["n"] for x in lanes) else None

    return await until(all_lanes)  # type: ignore[no-any-return]


async def test_the_first_round_is_seen_at_once_and_shown_with_its_n(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    status = await settled(on_stage, http)
    lanes = status["lanes"]
    assert isinstance(lanes, list)
    assert all(lane["visible"]["k"] == lane["visible"]["n"] for lane in lanes)
    page = await http.get(address(on_stage.world.settings_file, "console") + "/")
    assert page.status_code == 200
    assert "of 1 (" in page.text or "of 2 (" in page.text
    assert "in the inbox" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_no_address_and_no_order_number_is_in_page_or_metrics(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    await settled(on_stage, http)
    file = on_stage.world.settings_file
    texts = [
        (await http.get(address(file, which) + path)).text
        for which, path in (("console", "/"), ("console", "/status.json"), ("metrics", "/metrics"))
    ]
    assert not any("@gmail.test" in text or "@yahoo.test" in text for text in texts)


async def test_the_metrics_are_what_prometheus_expects(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    await settled(on_stage, http)
    text = (await http.get(address(on_stage.world.settings_file, "metrics") + "/metrics")).text
    lane = 'provider="yahoo",route="primary",shop="demo"'
    assert f'receiptwatch_probe_placements_total{{placement="inbox",{lane}}}' in text
    assert f'receiptwatch_probe_placements_total{{placement="missing",{lane}}} 0.0' in text
    assert 'receiptwatch_mailbox_up{provider="yahoo",seed="yahoo-1"} 1.0' in text
    assert "_created" not in text
    if promtool := shutil.which("promtool"):
        linter = await asyncio.create_subprocess_exec(
            promtool, "check", "metrics", stdin=-1, stdout=-1, stderr=-1
        )
        out, err = await linter.communicate(text.encode())
        assert linter.returncode == 0, (out + err).decode()


async def test_health_readiness_and_the_last_result_of_a_target(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    await settled(on_stage, http)
    url = address(on_stage.world.settings_file, "metrics")
    assert (await http.get(f"{url}/-/healthy")).json() == {"healthy": True, "stalled": []}
    assert (await http.get(f"{url}/-/ready")).status_code == 200
    last = (await http.get(f"{url}/probe?target=demo/primary/yahoo")).text
    assert "probe_success 1.0" in last
    by_seed = (await http.get(f"{url}/probe?target=/control/gmail-1")).text
    assert 'receiptwatch_probe_placement{placement="inbox"} 1.0' in by_seed
    unknown = await http.get(f"{url}/probe?target=demo/primary/nobody")
    assert unknown.status_code == 404
    assert "demo/primary/yahoo" in unknown.text


async def test_spam_is_no_success_for_a_target(on_stage: Stage, http: httpx2.AsyncClient) -> None:
    await settled(on_stage, http)
    on_stage.world.providers["yahoo"].file_as_spam(route="primary")
    engine = on_stage.service.engine
    await engine.launcher.launch_now(p for p in engine.pairs if p.seed == "yahoo-1")
    url = address(on_stage.world.settings_file, "metrics")

    async def fails() -> bool:
        text = (await http.get(f"{url}/probe?target=demo/primary/yahoo")).text
        return "probe_success 0.0" in text

    assert await until(fails)


async def test_a_bad_settings_file_is_refused_and_the_old_settings_stay(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    file = on_stage.world.settings_file
    url, good = address(file, "metrics"), file.read_text()
    file.write_text(good.replace("cadence:", "cadense:"))
    refused = await http.post(f"{url}/-/reload")
    assert refused.status_code == 422
    assert "cadence" in refused.json()["why"]
    metrics = (await http.get(f"{url}/metrics")).text
    assert "receiptwatch_config_last_reload_successful 0.0" in metrics
    assert (await http.get(f"{url}/-/healthy")).status_code == 200
    file.write_text(good)
    assert (await http.post(f"{url}/-/reload")).status_code == 200
    metrics = (await http.get(f"{url}/metrics")).text
    assert "receiptwatch_config_last_reload_successful 1.0" in metrics


async def test_after_a_reload_the_new_settings_are_in_force(
    on_stage: Stage, http: httpx2.AsyncClient
) -> None:
    await settled(on_stage, http)
    file = on_stage.world.settings_file
    change(file, cadence={"per_seed_per_day": 1999})
    assert await on_stage.service.reload() is None
    metrics = (await http.get(address(file, "metrics") + "/metrics")).text
    assert 'receiptwatch_seed_probes_per_day_limit{seed="gmail-1"} 1999.0' in metrics
    assert (await settled(on_stage, http))["lanes"]


async def test_sigterm_ends_the_service_gracefully_and_sighup_reloads_it(
    demo_world: DemoWorld, http: httpx2.AsyncClient
) -> None:
    url = address(demo_world.settings_file, "metrics")
    async with running(demo_world.settings_file) as process:
        await until(lambda: http.get(f"{url}/-/ready"))
        demo_world.settings_file.write_text("nothing: good")
        process.send_signal(signal.SIGHUP)

        async def refused() -> bool:
            return "last_reload_successful 0.0" in (await http.get(f"{url}/metrics")).text

        await until(refused)
        process.terminate()
        async with asyncio.timeout(15):
            assert await process.wait() == 0


async def test_what_cannot_begin_says_why(demo_world: DemoWorld) -> None:
    taken = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    change(demo_world.settings_file, listen={"console": f"127.0.0.1:{port}"})
    ended = await receiptwatch("run", "--config", demo_world.settings_file)
    taken.close()
    await taken.wait_closed()
    assert ended.code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.err
    assert "Traceback" not in ended.err


async def test_a_missing_settings_file_says_why(tmp_path: Path) -> None:
    ended = await receiptwatch("status", "--config", tmp_path / "none.yaml")
    assert ended.code == 2
    assert "none.yaml" in ended.err
    assert "Traceback" not in ended.err
