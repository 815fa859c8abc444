"""SIGKILL at any moment: every open probe is found again, and no slot is ever sent twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from email import message_from_bytes
from functools import partial
from typing import TYPE_CHECKING

import pytest

from daemon.ledger import probes
from daemon.ledger.database import Ledger
from daemon.lifecycles.probe import ProbeState
from daemon.settings import load
from tests.stories.programs import change, running, until

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

    from daemon.demo.provider import Provider
    from daemon.demo.world import DemoWorld
    from daemon.ledger.probes import ProbeRow

KILLS = 6
FAST = {
    "primary": "3s",
    "fallback": "4s",
    "control": "5s",
    "deadline": "2s",
    "jitter": 0.5,
}


async def all_probes(url: str) -> list[ProbeRow]:
    ledger = await Ledger.open(url)
    try:
        async with ledger.read() as conn:
            return await probes.recent(conn, shop=None, limit=100_000)
    finally:
        await ledger.close()


def counted(world: DemoWorld) -> Counter[str]:
    """How often each Message-ID was taken by a provider: counted at the MX, from now on."""
    taken: Counter[str] = Counter()
    for provider in world.providers.values():
        _count_at(provider, taken)
    return taken


def _count_at(provider: Provider, taken: Counter[str]) -> None:
    accept = provider.handle_DATA

    async def counting(_server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await accept(_server, session, envelope)
        assert isinstance(envelope.content, bytes)
        if answer.startswith("250"):
            taken[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        return answer

    provider.handle_DATA = counting  # type: ignore[method-assign]


async def _reached(taken: Counter[str], enough: int) -> bool:
    return len(taken) >= enough


async def settle(world: DemoWorld, url: str, taken: Counter[str]) -> list[ProbeRow]:
    """Let a daemon that sends nothing more look until nothing is open.

    A probe whose sender was killed counts as unsent until it is seen: those taken are waited for.
    """

    async def nothing_open() -> list[ProbeRow] | None:
        rows = await all_probes(url)
        waiting = {ProbeState.PLANNED, ProbeState.SUBMITTED, ProbeState.OVERDUE}
        unseen = [r for r in rows if r.message_id in taken and r.state is not ProbeState.SIGHTED]
        return None if unseen or any(row.state in waiting for row in rows) else rows

    async with running(world.settings_file, "--no-probing"):
        return await until(nothing_open, within_s=60)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "backend", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
async def test_killed_again_and_again_nothing_is_lost_and_nothing_sent_twice(
    demo_world: DemoWorld, backend: str, request: pytest.FixtureRequest
) -> None:
    sections = {"cadence": FAST}
    if backend == "postgres":
        sections["database"] = request.getfixturevalue("postgres_url")
    change(demo_world.settings_file, **sections)
    url = load(demo_world.settings_file).read_database_url().get_secret_value()
    moments, taken = random.Random(20260105), counted(demo_world)
    for _ in range(KILLS):
        async with running(demo_world.settings_file) as process:
            enough = len(taken) + 1
            await until(partial(_reached, taken, enough))
            await asyncio.sleep(moments.uniform(0, 0.7))  # the moment of the kill is the test
            process.kill()
    rows = await settle(demo_world, url, taken)
    known = {row.message_id: row for row in rows}
    assert not [message for message, times in taken.items() if times > 1], "sent twice"
    assert set(taken) <= set(known), "sent without a row"
    assert all(known[message].state is ProbeState.SIGHTED for message in taken), "not found again"
    slots = Counter((row.shop, row.route, row.seed, row.slot) for row in rows)
    assert max(slots.values()) == 1
    assert len(taken) > KILLS


@pytest.mark.postgres
async def test_two_daemons_on_one_database_share_the_slots(
    demo_world: DemoWorld, postgres_url: str
) -> None:
    change(demo_world.settings_file, database=postgres_url, cadence=FAST)
    twin = demo_world.settings_file.with_name("twin.yaml")
    twin.write_text(demo_world.settings_file.read_text())
    taken = counted(demo_world)
    change(twin, listen={"console": "127.0.0.1:0", "metrics": "127.0.0.1:0"})
    async with running(demo_world.settings_file), running(twin):
        await until(partial(_reached, taken, 24))
    rows = await settle(demo_world, postgres_url, taken)
    assert max(taken.values()) == 1
    assert set(taken) <= {row.message_id for row in rows}
    slots = Counter((row.shop, row.route, row.seed, row.slot) for row in rows)
    assert max(slots.values()) == 1
