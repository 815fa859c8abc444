"""From junked mail to "solved" in an owner's mailbox, on real Postfix, rspamd, Dovecot and nsd."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email import policy as email_policy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from daemon.assembly.service import Service
from daemon.ledger import incidents, probes
from daemon.lifecycles.probe import ProbeState
from tests.stories.programs import change, receiptwatch, until
from tests.world.courier import mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage
    from pathlib import Path

    from daemon.assembly.engine import Engine
    from daemon.ledger.incidents import IncidentRow
    from tests.world.plan import Seed
    from tests.world.world import World

# rounds are launched by hand, as fast as mail travels; a short deadline brings frequent looks
CADENCE = {"primary": "2h", "fallback": "2h", "control": "2h", "deadline": "24s", "jitter": 0.0}
MOST_BAD_PROBES = 6
"""Two rounds to three seeds: what the simplest rule ("6 of 6") would need at the least."""


@dataclass
class Watch:
    """A service that watches the shop's routes to Yahoo, and people who are told of it."""

    world: World
    settings: Path
    service: Service
    title: str

    @property
    def engine(self) -> Engine:
        return self.service.engine

    async def round(self) -> None:
        """One probe by every route to every seed, and what became of it is taken note of."""
        ids = await self.engine.launcher.launch_now(self.engine.pairs)

        async def settled() -> bool:
            async with self.engine.around.ledger.read() as conn:
                rows = (await probes.by_ids(conn, ids)).values()
            return all(row.state is ProbeState.SIGHTED and row.watched_at for row in rows)

        await until(settled, within_s=20)

    async def incidents(self) -> list[IncidentRow]:
        async with self.engine.around.ledger.read() as conn:
            return await incidents.current(conn)

    async def opened(self) -> IncidentRow:
        """Rounds until an incident stands."""
        for _ in range(MOST_BAD_PROBES // 3):
            await self.round()
            if found := await self.incidents():
                [row] = found
                return row
        pytest.fail("no incident after as many bad probes as it should take")

    async def recovered(self) -> None:
        """Rounds until none stands."""
        for _ in range(15):
            await self.round()
            if not await self.incidents():
                return
        pytest.fail("the incident lasts although everything lands")

    async def letters(self, reader: Seed, count: int) -> list[EmailMessage]:
        """What came to a mailbox about this shop, once there are so many."""

        async def enough() -> list[EmailMessage]:
            found = await asyncio.to_thread(letters_about, self.title, reader)
            return found if len(found) >= count else []

        found: list[EmailMessage] = await until(enough, within_s=20, every_s=0.5)
        return found


def letters_about(title: str, reader: Seed) -> list[EmailMessage]:
    """In the inbox, and nowhere else, the oldest first."""
    with mailbox(reader) as client:
        client.select_folder("INBOX", readonly=True)
        numbers = client.search(["SUBJECT", title])
        raws = client.fetch(numbers, ["BODY.PEEK[]"])
    return [message_from_bytes(raws[n][b"BODY[]"], policy=email_policy.default) for n in numbers]


def told_by_control(world: World, name: str, reader: Seed, **more: Any) -> dict[str, Any]:
    """A contact whose alert route is the control sender's: another domain and another server."""
    route = world.routes["control"]
    keys = {
        "to": reader.address,
        "from": f"Receiptwatch <alerts@{route.domain}>",
        "host": route.ip,
        "port": route.port,
        "ca_file": str(route.ca_file),
        "username": route.username,
        "password_file": f"{route.username}.password",
    }
    person = {"name": name, "language": "en", "time_zone": "UTC", "channel": "email"}
    return {**person, "by": keys, **more}


@asynccontextmanager
async def watching(
    world: World, folder: Path, *contacts: dict[str, Any], escalate_after: str
) -> AsyncIterator[Watch]:
    settings = world.settings(folder, cadence=CADENCE)
    written = yaml.safe_load(settings.read_text())
    policy = {"group_wait": "1s", "escalate_after": escalate_after}
    title = f"Shop {uuid.uuid4().hex[:8]}"
    change(
        settings,
        seeds=[seed for seed in written["seeds"] if seed["provider"] == "yahoo"],
        shops=[{**shop, "title": title} for shop in written["shops"]],
        alerts={"contacts": list(contacts), "policy": policy},
    )
    service, started = Service(settings), asyncio.Event()
    running = asyncio.create_task(service.run(probing=False, started=started))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    try:
        yield Watch(world, settings, service, title)
    finally:
        waiting.cancel()
        service.stop()
        await running


async def test_a_junked_route_opens_an_incident_is_told_escalated_and_called_solved(
    world: World, tmp_path: Path
) -> None:
    owner, boss = world.seed("gmail", "probe3"), world.seed("outlook", "probe3")
    people = (
        told_by_control(world, "owner", owner),
        told_by_control(world, "boss", boss, rank=1),
    )
    async with watching(world, tmp_path, *people, escalate_after="4s") as watch:
        await watch.round()
        assert await watch.incidents() == []
        with world.rspamd.junk(route="primary", provider="yahoo"):
            row = await watch.opened()
            assert (row.route, row.provider, row.cause) == ("primary", "yahoo", "route")
            [alarm] = await watch.letters(owner, 1)
            [escalated] = await watch.letters(boss, 1)
        await watch.recovered()
        alarm, solved = await watch.letters(owner, 2)
        _, solved_too = await watch.letters(boss, 2)
        assert len(row.evidence) <= MOST_BAD_PROBES
    assert alarm["Subject"] == f"{watch.title}: receipts go to spam at Yahoo Mail"
    text = content(alarm)
    assert "3 of your 3 test inboxes at Yahoo Mail put the last" in text
    assert "Your other route lands, so it is this route (primary), since" in text
    assert "send your receipts by your other route" in text
    assert escalated["Subject"] == f"Nobody answered: {alarm['Subject']}"
    for letter in (solved, solved_too):
        assert letter["Subject"] == f"Solved: {watch.title}: receipts land again at Yahoo Mail"
        assert "There is nothing left to do." in content(letter)
    assert alarm["References"] == solved["References"]
    assert "dkim=pass" in str(alarm["Authentication-Results"])


async def test_an_acknowledged_incident_is_not_escalated(world: World, tmp_path: Path) -> None:
    owner, boss = world.seed("gmail", "probe3"), world.seed("outlook", "probe3")
    people = (
        told_by_control(world, "owner", owner),
        told_by_control(world, "boss", boss, rank=1),
    )
    async with watching(world, tmp_path, *people, escalate_after="20s") as watch:
        with world.rspamd.junk(route="primary", provider="yahoo"):
            row = await watch.opened()
            assert len(await watch.letters(owner, 1)) == 1
            act = ("incident", "ack", row.id, "--by", "sara", "--config", watch.settings)
            acknowledged = await receiptwatch(*act)
            assert acknowledged.code == 0, acknowledged.err
            late = row.opened_at + timedelta(seconds=24)
            await until(lambda: passed(late), within_s=30)
    assert await asyncio.to_thread(letters_about, watch.title, boss) == []
    log = await receiptwatch("alert", "log", "--json", "--config", watch.settings)
    [notice] = log.json["notices"]
    assert (notice["contact"], notice["kind"], notice["state"]) == ("owner", "opened", "sent")


async def test_alert_test_reaches_a_real_mailbox_and_says_what_does_not(
    world: World, tmp_path: Path
) -> None:
    owner = world.seed("gmail", "probe3")
    person = f"owner-{uuid.uuid4().hex[:8]}"
    locked = told_by_control(world, "locked", owner)
    locked["by"]["password_file"] = "wrong.password"
    (tmp_path / "wrong.password").write_text("wrong\n")
    (tmp_path / "wrong.password").chmod(0o600)
    contacts = [told_by_control(world, person, owner), locked]
    settings = world.settings(tmp_path, alerts={"contacts": contacts})
    tried = await receiptwatch("alert", "test", "--json", "--config", settings)
    assert tried.code == 1, tried.err
    good, bad = tried.json["answers"]
    assert good["taken"]
    assert good["reference"]
    assert not bad["taken"]
    assert "535" in bad["said"]

    async def arrived() -> list[Any]:
        found = await asyncio.to_thread(letters_about, "Test: alerts reach you", owner)
        return [letter for letter in found if person in content(letter)]

    assert len(await until(arrived, within_s=20, every_s=0.5)) == 1
    one = await receiptwatch("alert", "test", person, "--config", settings)
    assert one.code == 0
    assert f"✓ {person} by email" in one.out


async def passed(moment: datetime) -> bool:
    return datetime.now(UTC) > moment


def content(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body
    return " ".join(str(body.get_content()).split())


pytestmark = pytest.mark.world
