"""SIGKILL between sending and recording: the receiver counts the copies."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daemon.ledger import Ledger, notices
from daemon.ledger.states import NoticeState
from tests.daemon.alerts.channel_samples import Services
from tests.daemon.alerts.http_server import HttpServer, Reply, Request
from tests.daemon.ledger.watch_samples import opened

if TYPE_CHECKING:
    from daemon.ledger.notices import NoticeRow

ROOT = Path(__file__).resolve().parents[3]


class Trap:
    """A receiver that takes the notice, and kills its sender before the answer is out."""

    def __init__(self) -> None:
        self.services = Services()
        self.victim: asyncio.subprocess.Process | None = None
        self.set = True

    def __call__(self, request: Request) -> Reply:
        reply = self.services(request)
        if self.set and self.victim:
            self.victim.kill()
            return Reply(drop=True)
        return reply


@pytest.fixture
async def database(tmp_path: Path) -> str:
    """A ledger with one open incident, which nobody was told of."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    await ledger.migrate()
    async with ledger.write() as conn:
        await opened(conn, opened_at=datetime.now(UTC))
    await ledger.close()
    (tmp_path / "secrets").mkdir()
    return url


async def notify(database: str, channel: str, server: HttpServer, trap: Trap, minutes: int) -> int:
    """One round in a process of its own, so many minutes from now; returns its exit code."""
    secrets = Path(database.removeprefix("sqlite:///")).with_name("secrets")
    words = [database, channel, server.url, str(secrets), str(minutes)]
    trap.victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.daemon.rounds.one_notifier", *words, cwd=ROOT
    )
    async with asyncio.timeout(60):
        return await trap.victim.wait()


async def only_notice(database: str) -> NoticeRow:
    ledger = await Ledger.open(database)
    async with ledger.read() as conn:
        [row] = await notices.recent(conn, limit=9)
    await ledger.close()
    return row


async def test_a_channel_that_knows_keys_gets_the_same_key_again(database: str) -> None:
    trap = Trap()
    async with HttpServer(trap) as server:
        assert await notify(database, "webhook", server, trap, 0) == -signal.SIGKILL
        assert (await only_notice(database)).state is NoticeState.SENDING
        trap.set = False
        assert await notify(database, "webhook", server, trap, 0) == 0
        assert len(trap.services.seen) == 1, "the lease of the dead has not run out yet"
        assert await notify(database, "webhook", server, trap, 2) == 0
        assert await notify(database, "webhook", server, trap, 9) == 0
    told = await only_notice(database)
    assert (told.state, told.attempts, told.doubts) == (NoticeState.SENT, 2, 1)
    assert [r.headers["webhook-id"] for r in trap.services.seen] == [told.key] * 2


async def test_of_a_channel_without_keys_a_contact_gets_one_duplicate_at_the_most(
    database: str,
) -> None:
    trap = Trap()
    async with HttpServer(trap) as server:
        for minutes in (0, 2):
            assert await notify(database, "telegram", server, trap, minutes) == -signal.SIGKILL
        for minutes in (4, 6, 8):
            assert await notify(database, "telegram", server, trap, minutes) == 0
    told = await only_notice(database)
    assert len(trap.services.seen) == 2
    assert told.state is NoticeState.FAILED
    assert "process ended" in (told.error or "")


async def test_who_lives_sends_it_once(database: str) -> None:
    trap = Trap()
    trap.set = False
    async with HttpServer(trap) as server:
        for minutes in (0, 5):
            assert await notify(database, "telegram", server, trap, minutes) == 0
    told = await only_notice(database)
    assert (told.state, told.attempts, told.reference) == (NoticeState.SENT, 1, "42")
    assert len(trap.services.seen) == 1
