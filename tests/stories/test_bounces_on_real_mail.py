"""Order mail by real Postfix, rspamd and Dovecot; what they return comes to our own intake."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING

import aiosmtplib

from daemon.clock import Clock
from daemon.intake.bounces.reader import BounceReader
from daemon.intake.server import Intake
from daemon.intake.terms import Listener, Terms
from daemon.intake.terms import Shop as ShopTerms
from daemon.ledger import Ledger, bounces, findings, mails, suppressions
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import Moves
from daemon.lifecycles.order_mail import MailState
from daemon.metrics import Metrics
from daemon.outbound.connection import Terms as RelayTerms
from daemon.outbound.pool import Pool
from daemon.rounds.bounce_links import Paths
from daemon.rounds.read_bounces import BounceRound
from daemon.rounds.send_mail import MailSender
from daemon.rounds.surroundings import Surroundings
from daemon.rounds.ways_out import ReturnPath, WayOut
from probes.endpoint import Password
from probes.observation import Fault, Severity
from probes.return_path import opened
from tests.stories.errand import now, submission_server
from tests.stories.programs import until
from tests.world import courier
from tests.world.plan import FULL, GREYLISTED, INTAKE
from tests.world.rspamd import REJECT_BODY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage
    from pathlib import Path

    from daemon.ledger.bounces import BounceRow
    from daemon.ledger.mails import MailRow
    from tests.world.world import World

BASE, KEY = "bounces@shop.test", b"the key of this story's return paths"
WAY = "shop", "primary"


@dataclass
class Shop:
    """A shop that sends by the world's primary relay, with signed return paths."""

    world: World
    around: Surroundings
    round: BounceRound
    orders: dict[str, str] = field(default_factory=dict)

    async def order(self, recipient: str, body: str = courier.PLAIN_BODY) -> str:
        """Hand a receipt in at the intake; its mark."""
        mark, message = courier.letter(self.world.routes["primary"].sender, recipient, body)
        await self._hand_in(message, recipient)
        self.orders[recipient] = mark
        return mark

    async def _hand_in(self, message: EmailMessage, recipient: str) -> None:
        await aiosmtplib.send(
            message,
            sender="orders@shop.test",
            recipients=[recipient],
            hostname=self.world.plan.intake,
            port=INTAKE,
            start_tls=False,
        )

    async def mail(self, recipient: str) -> MailRow:
        async with self.around.ledger.read() as conn:
            [row] = await mails.search(conn, recipient, limit=9)
        return row

    async def returned(self, recipient: str) -> list[BounceRow]:
        mail = await self.mail(recipient)
        async with self.around.ledger.read() as conn:
            return await bounces.of_mail(conn, mail.id)

    async def came_back(self, recipient: str) -> BounceRow:
        """The bounce, once it was read."""

        async def found() -> list[BounceRow]:
            await self.round.run_once()
            return await self.returned(recipient)

        rows: list[BounceRow] = await until(found, within_s=courier.ARRIVAL_SECONDS)
        assert len(rows) == 1
        return rows[0]


@asynccontextmanager
async def shop(world: World, folder: Path) -> AsyncIterator[Shop]:
    """The rooms of order mail; all end with the block."""
    async with AsyncExitStack() as stack:
        ledger = await Ledger.open(f"sqlite:///{folder}/ledger.db")
        stack.push_async_callback(ledger.close)
        await ledger.migrate()
        around = Surroundings(ledger, Clock(), Metrics("0"))
        arrivals, moves = Arrivals(ledger, routes=dict([WAY])), Moves(ledger)
        reader = BounceReader()
        for room in (arrivals, moves, reader):
            stack.push_async_callback(room.close)
        sender = MailSender(
            around,
            moves=moves,
            ways={WAY: way_out(world)},
            holder="story",
            tally=around.metrics.mail,
        )
        intake = Intake(terms(world), arrivals.take, now, bounce_shop=shop_of)
        await intake.start()
        stack.push_async_callback(intake.close)
        sending = asyncio.create_task(sender.run(lambda: None))
        stack.push_async_callback(ended, sending)
        paths = Paths(BASE, ("orders@shop.test",), frozenset({"primary"}))
        yield Shop(world, around, BounceRound(around, reader, KEY, {"shop": paths}))


def way_out(world: World) -> WayOut:
    route = world.routes["primary"]
    login = Password(route.username, route.password)
    pool = Pool(RelayTerms(submission_server(route), login, "shop.test", now), 2)
    return WayOut(pool, 2, ReturnPath(BASE, KEY))


def terms(world: World) -> Terms:
    own = ShopTerms("shop", True, frozenset({"shop.test"}), networks=(ip_network("127.0.0.1"),))  # noqa: FBT003 - it relays
    return Terms("intake.shop.test", (Listener(world.plan.intake, INTAKE),), (own,))


def shop_of(address: str) -> str | None:
    return "shop" if opened(address, KEY) else None


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_real_servers_return_is_understood_and_done(
    world: World, tmp_path: Path
) -> None:
    unknown, full = "nobody@gmail.test", world.seed("gmail", FULL).address
    spam, grey = world.seed("outlook").address, world.seed("yahoo", GREYLISTED)
    async with shop(world, tmp_path) as ours:
        await ours.order(unknown)
        await ours.order(full, "x" * 4000)
        await ours.order(spam, REJECT_BODY)
        mark = await ours.order(grey.address)

        row = await ours.came_back(unknown)
        assert (row.status, row.reason, row.fault) == ("5.1.1", "user unknown", Fault.SEED)
        assert (row.signed, row.hard, row.suppress) == (True, True, True)
        assert (await ours.mail(unknown)).state is MailState.BOUNCED

        row = await ours.came_back(full)
        assert (row.status, row.reason, row.fault) == ("5.2.2", "mailbox full", Fault.SEED)
        assert (row.signed, row.hard, row.suppress) == (True, False, False)
        assert (await ours.mail(full)).state is MailState.BOUNCED

        row = await ours.came_back(spam)
        assert (row.reason, row.fault, row.signed) == ("policy", Fault.SENDER, True)
        assert "Gtube" in row.text
        assert (await ours.mail(spam)).state is MailState.AT_RISK

        found = await asyncio.to_thread(courier.find, grey, mark)
        assert found.folder == "INBOX"
        log = world.relays["primary"].log().splitlines()
        assert any("450 4.7.1" in line and grey.address in line for line in log)
        await ours.round.run_once()
        assert (await ours.mail(grey.address)).state is MailState.WATCHED
        assert await ours.returned(grey.address) == []

        async with ours.around.ledger.read() as conn:
            assert [one.address for one in await suppressions.all(conn)] == [unknown]
            [told] = await findings.latest(conn, (await ours.mail(spam)).received_at)
        assert (told.shop, told.route, told.finding.severity) == (*WAY, Severity.PROBLEM)
        assert told.finding.evidence["mail"] == (await ours.mail(spam)).id


async def test_what_dmarc_has_refused_is_the_sender_s_fault_and_told_with_a_remedy(
    world: World, tmp_path: Path
) -> None:
    there = world.seed("yahoo", "probe2").address
    with ExitStack() as broken:
        edits = {("shop.test", "TXT"): ["v=spf1 -all"], ("s1._domainkey.shop.test", "TXT"): []}
        edits["_dmarc.shop.test", "TXT"] = ["v=DMARC1; p=reject"]
        for (name, kind), values in edits.items():
            broken.enter_context(world.dns.edit(name, kind, *values))
        async with shop(world, tmp_path) as ours:
            await ours.order(there)
            row = await ours.came_back(there)
            mail = await ours.mail(there)
            async with ours.around.ledger.read() as conn:
                [told] = await findings.latest(conn, mail.received_at)
                assert await suppressions.all(conn) == []
    judged = (world.plan.folder / "rspamd" / "rspamd.log").read_text(errors="replace")
    assert "DMARC_POLICY_REJECT" in judged
    # rspamd tells the sender no more than that it is spam
    assert (row.reason, row.fault, row.signed) == ("spam", Fault.SENDER, True)
    assert mail.state is MailState.AT_RISK
    assert told.finding.remedy
