"""A shop's bounce mailbox at a real IMAP server: read and never touched, and nothing is lost."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiosmtplib
import pytest
import yaml
from imapclient import IMAPClient

from daemon.assembly import views
from daemon.assembly.service import Service
from daemon.demo.imap import Dialect, ImapServer
from daemon.demo.pki import Authority
from daemon.ledger import Ledger, findings, mailboxes, mails, messages, suppressions
from daemon.ledger.failures import LedgerError
from daemon.ledger.states import MailboxState
from daemon.lifecycles.arrival import Arrival, IntakeMode, Taken
from daemon.lifecycles.order_mail import MailState
from daemon.metrics import Metrics
from daemon.rounds.bounce_mailboxes import BounceAccount, BounceMailbox
from daemon.rounds.surroundings import Surroundings
from probes import postbox
from probes.account import Account
from probes.endpoint import Endpoint, Password, Tls
from probes.mailboxes import plain_imap
from tests.daemon.demo.post import find, seed_of
from tests.daemon.rounds.conftest import HeldClock
from tests.daemon.rounds.returned_mail import BASE, HereAndNow, ReturnedMail, dsn, text_bounce
from tests.stories.programs import change, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.demo.world import DemoWorld

PASSWORD = "correct-horse-battery"
DIALECT = Dialect({"Junk": "Junk", "Archive": None})
SINCE = datetime(2026, 1, 5, 11, tzinfo=UTC)


@dataclass
class Box:
    """The mailbox, who reads it, and the ledger that what is read goes to."""

    server: ImapServer
    post: ReturnedMail
    account: Account
    threads: ThreadPoolExecutor
    trouble_after: int | None = None

    def reader(self, *, password: str = PASSWORD) -> BounceMailbox:
        account = replace(self.account, login=Password(BASE, password))
        where = BounceAccount("tea", BASE, account, password)
        return BounceMailbox(self.post.around, where, self.take, threads=self.threads)

    async def take(self, arrival: Arrival) -> Taken:
        if self.trouble_after is not None:
            if self.trouble_after == 0:
                raise LedgerError("The ledger failed.")
            self.trouble_after -= 1
        return await self.post.arrivals.take(arrival)

    async def deliver(self, raw: bytes, folder: str = "INBOX") -> None:
        await self.server.deliver(BASE, folder, raw, SINCE, None)

    async def taken_in(self) -> list[messages.Unread]:
        async with self.post.around.ledger.read() as conn:
            return await messages.unread_bounces(conn, limit=999)

    async def state(self) -> mailboxes.MailboxRow:
        async with self.post.around.ledger.read() as conn:
            row = await mailboxes.load(conn, "bounces/tea")
        assert row
        return row

    @property
    def gauge(self) -> float | None:
        registry = self.post.around.metrics.registry
        return registry.get_sample_value("receiptwatch_bounce_mailbox_up", {"shop": "tea"})

    def flags(self) -> dict[int, tuple[bytes, ...]]:
        """What a mail program sees of each message of the inbox."""
        endpoint = self.account.endpoint
        context = endpoint.tls_context()
        with IMAPClient(endpoint.host, endpoint.port, ssl_context=context) as client:
            client.login(BASE, PASSWORD)
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search(), ["FLAGS"])
        return {uid: told[b"FLAGS"] for uid, told in found.items()}


@pytest.fixture
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Box]:
    authority = Authority(tmp_path / "pki")
    server = ImapServer(getattr(request, "param", DIALECT), {BASE: PASSWORD})
    await server.start(authority.server_context("imap.tea.example"))
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    post = ReturnedMail(Surroundings(ledger, HeldClock(), Metrics("0")), HereAndNow())
    endpoint = Endpoint("127.0.0.1", server.port, Tls.IMPLICIT, authority.ca_file, 10)
    login = Password(BASE, PASSWORD)
    account = Account("bounces/tea", BASE, plain_imap.MAILBOX, endpoint, login)
    with ThreadPoolExecutor(4) as threads:
        yield Box(server, post, account, threads)
    await post.close()
    await ledger.close()
    await server.close()


async def test_what_lies_in_inbox_and_junk_is_taken_in_and_applied_and_left_unread(
    box: Box,
) -> None:
    first, second = await box.post.sent(), await box.post.sent()
    delivered = f"Delivered-To: {box.post.path(first)}\r\n".encode()
    await box.deliver(b"Return-Path: <>\r\n" + delivered + dsn())
    await box.deliver(b"Return-Path: <>\r\n" + dsn(original=path_line(box, second)), "Junk")
    await box.deliver(dsn(), "Archive")
    reader = box.reader()
    assert await reader.run_once()
    await reader.close()
    [one, other] = sorted(await box.taken_in(), key=lambda m: m.recipients)
    assert (one.shop, one.mode, one.client) == ("tea", IntakeMode.BOUNCE, "imap:tea")
    assert {one.recipients, other.recipients} == {(box.post.path(first),), (BASE,)}
    assert await box.post.round.run_once() == 2
    for claimed in (first, second):
        assert (await box.post.mail(claimed.mail)).state is MailState.BOUNCED
    row = await box.state()
    assert (row.state, row.folders) == (MailboxState.OK, ("INBOX", "Junk"))
    assert box.gauge == 1
    seen = await asyncio.to_thread(box.flags)
    assert len(seen) == 1
    assert all(b"\\Seen" not in flags for flags in seen.values())


@pytest.mark.parametrize("box", [Dialect({"Archive": None})], indirect=True)
async def test_where_no_folder_is_known_for_spam_the_inbox_alone_is_read(box: Box) -> None:
    await box.deliver(text_bounce())
    await box.deliver(text_bounce(), "Archive")
    reader = box.reader()
    assert await reader.run_once()
    await reader.close()
    assert len(await box.taken_in()) == 1
    assert (await box.state()).folders == ("INBOX",)


def path_line(box: Box, claimed: object) -> str:
    return f"Return-Path: <{box.post.path(claimed)}>"  # type: ignore[arg-type] # as it takes it


async def test_what_was_not_stored_is_read_again_and_what_was_is_stored_once(box: Box) -> None:
    for _ in range(3):
        await box.deliver(text_bounce())
    reader, box.trouble_after = box.reader(), 2
    with pytest.raises(LedgerError):
        await reader.run_once()
    assert len(await box.taken_in()) == 2
    async with box.post.around.ledger.read() as conn:
        assert await mailboxes.cursors(conn, "bounces/tea") == {}
    box.trouble_after = None
    assert await reader.run_once()  # the same one, and then another process
    other = box.reader()
    assert await other.run_once()
    assert len(await box.taken_in()) == 3
    for one in (reader, other):
        await one.close()


async def test_many_are_collected_in_lots_and_a_huge_one_is_cut(box: Box) -> None:
    huge = text_bounce() + b"x" * 1_000 + b"\r\n"
    await box.deliver(huge + (b"y" * 998 + b"\r\n") * 2_500)
    for _ in range(postbox.MOST_AT_ONCE + 20):
        await box.deliver(text_bounce())
    reader = box.reader()
    assert await reader.run_once()
    async with box.post.around.ledger.read() as conn:
        cursor = (await mailboxes.cursors(conn, "bounces/tea"))["INBOX"]
    assert cursor.next_uid - 1 == max(await asyncio.to_thread(box.flags))
    await reader.close()
    found = await box.taken_in()
    assert len(found) == postbox.MOST_AT_ONCE + 21
    assert max(len(one.raw) for one in found) == postbox.LARGEST


async def test_new_mail_is_told_of_at_once(box: Box) -> None:
    reader, rounds = box.reader(), list[int]()
    running = asyncio.create_task(reader.run(lambda: rounds.append(1)))
    await until(lambda: _true(bool(rounds and box.gauge)), within_s=10)
    await box.deliver(text_bounce())
    await until(box.taken_in, within_s=10)  # long before the minute is over
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await reader.close()


async def _true(value: bool) -> bool:  # noqa: FBT001 - it is all that there is
    return value


async def test_a_login_that_is_refused_twice_is_not_tried_again_until_it_changes(
    box: Box,
) -> None:
    clock: HeldClock = box.post.around.clock  # type: ignore[assignment] # the fixture's
    wrong = box.reader(password="wrong-secret-word")
    assert not await wrong.run_once()
    assert (await box.state()).state is MailboxState.FAILING
    assert not await wrong.run_once()
    assert (await box.state()).failed_logins == 1, "it is left in peace for a while"
    clock.pass_(minutes=1)
    assert not await wrong.run_once()
    row = await box.state()
    assert (row.state, row.failed_logins) == (MailboxState.STOPPED, 2)
    assert "wrong-secret-word" not in str(row.last_error)
    assert box.gauge == 0
    clock.pass_(days=1)
    assert not await wrong.run_once()
    assert (await box.state()).failed_logins == 2
    async with box.post.around.ledger.read() as conn:
        told = await findings.latest(conn, SINCE)
    assert [(t.seed, t.finding.status) for t in told] == [("bounces/tea", "login refused")]
    right = box.reader()
    assert await right.run_once()
    await right.close()
    assert (await box.state()).state is MailboxState.OK


@dataclass
class Shop:
    """The demo's shop, whose bounces lie in a mailbox of the demo's Outlook."""

    world: DemoWorld
    service: Service

    async def order(self, recipient: str) -> None:
        """One receipt, by the service's own intake."""
        content = yaml.safe_load(self.world.settings_file.read_text())
        port = int(content["intake"]["listen"][0]["address"].rpartition(":")[2])
        sender = "orders@saffron.test"
        text = (
            f"From: {sender}\r\nTo: {recipient}\r\nSubject: Order 7\r\nMessage-ID: <7@s.test>\r\n"
        )
        await aiosmtplib.send(
            f"{text}\r\nOrder number: 1001\r\n".encode(),
            sender=sender,
            recipients=[recipient],
            hostname="127.0.0.1",
            port=port,
            start_tls=False,
        )

    async def mail(self) -> mails.MailRow:
        async with self.service.engine.around.ledger.read() as conn:
            [row] = await mails.search(conn, "", limit=9)
        return row


@asynccontextmanager
async def running(world: DemoWorld) -> AsyncIterator[Shop]:
    service, started = Service(world.settings_file), asyncio.Event()
    task = asyncio.create_task(service.run(started=started))
    try:
        await asyncio.wait_for(started.wait(), 20)
        yield Shop(world, service)
    finally:
        service.stop()
        await task


def write_bounces(world: DemoWorld) -> str:
    """Settings with signed return paths below the address of a seed; that address."""
    outlook = world.providers["outlook"]
    [(address, _), *_] = outlook.passwords.items()
    content = yaml.safe_load(world.settings_file.read_text())
    [seed] = [seed for seed in content["seeds"] if seed["address"] == address]
    shop = content["shops"][0]
    shop["bounces"] = {"address": address, "imap": seed["imap"], "login": seed["login"]}
    for route in shop["routes"]:
        route["return_path"] = "signed"
    change(world.settings_file, shops=[shop])
    return address


async def test_by_the_settings_a_bounce_in_the_mailbox_stops_mail_to_its_address(
    demo_world: DemoWorld,
) -> None:
    base, gmail = write_bounces(demo_world), demo_world.providers["gmail"]
    async with running(demo_world) as shop:
        await shop.order(seed_of(gmail))
        letter = await find(demo_world, gmail, "<7@s.test>")
        path = str(letter.headers["Return-Path"])
        assert path.startswith(f"<{base.partition('@')[0]}+")
        report = dsn(recipient=seed_of(gmail), original=f"Return-Path: {path}")
        await demo_world.providers["outlook"]._imap.deliver(
            base, "INBOX", report, datetime.now(UTC), None
        )

        async def bounced() -> bool:
            return (await shop.mail()).state is MailState.BOUNCED

        await until(bounced, within_s=20)
        async with shop.service.engine.around.ledger.read() as conn:
            assert [row.address for row in await suppressions.all(conn)] == [seed_of(gmail)]
        status = await views.status(shop.service.engine)
        assert "bounces/demo" not in {box["seed"] for box in status.mailboxes}
