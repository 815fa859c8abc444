"""The dead man's switch hears of us while all is well, and its silence is honest."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from daemon.alerts import exchange
from daemon.ledger import Ledger
from daemon.rounds.heartbeat import Heartbeat
from tests.daemon.alerts.http_server import HttpServer, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from daemon.rounds.surroundings import Surroundings

PATH = "/ping/s3cret"


@asynccontextmanager
async def beating(around: Surroundings, server: HttpServer) -> AsyncIterator[Heartbeat]:
    async with server, exchange.client() as http:
        yield Heartbeat(around, SecretStr(server.url + PATH), http)


def pings(around: Surroundings, outcome: str) -> float | None:
    name = "receiptwatch_heartbeat_pings_total"
    return around.metrics.registry.get_sample_value(name, {"outcome": outcome})


async def test_while_all_is_well_the_switch_is_pinged(around: Surroundings) -> None:
    server = HttpServer(lambda _: Reply())
    async with beating(around, server) as heartbeat:
        await heartbeat.run_once([])
        await heartbeat.run_once([])
    assert [(r.method, r.path) for r in server.requests] == [("GET", PATH)] * 2
    assert (pings(around, "sent"), pings(around, "failed")) == (2, 0)


async def test_a_stalled_loop_keeps_us_silent_and_is_named(
    around: Surroundings, capsys: pytest.CaptureFixture[str]
) -> None:
    server = HttpServer(lambda _: Reply())
    async with beating(around, server) as heartbeat:
        await heartbeat.run_once(["read gmail-1", "judge"])
    assert server.requests == []
    assert pings(around, "failed") == 1
    assert "read gmail-1, judge" in capsys.readouterr().out


async def test_a_ledger_that_does_not_answer_keeps_us_silent(
    around: Surroundings, tmp_path: Path
) -> None:
    server = HttpServer(lambda _: Reply())
    gone = await Ledger.open(f"sqlite:///{tmp_path}/gone.db")
    await gone.close()
    (tmp_path / "gone.db").unlink()
    (tmp_path / "gone.db").mkdir()
    async with beating(replace(around, ledger=gone), server) as heartbeat:
        await heartbeat.run_once([])
    assert server.requests == []
    assert pings(around, "failed") == 1


async def test_a_switch_that_fails_is_no_end_and_its_address_is_not_told(
    around: Surroundings, capsys: pytest.CaptureFixture[str]
) -> None:
    server = HttpServer(lambda _: Reply(500) if len(server.requests) < 2 else Reply(drop=True))
    async with beating(around, server) as heartbeat:
        await heartbeat.run_once([])
        await heartbeat.run_once([])
    assert pings(around, "failed") == 2
    said = capsys.readouterr().out
    assert "500" in said
    assert "s3cret" not in said
