"""Strangers at our return paths (rows 28 to 32), by SMTP to the intake and as far as the ledger."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiosmtplib
import pytest
from sqlalchemy import select

from daemon.assembly.order_mail import ReturnPaths
from daemon.intake.bounces.reader import BounceReader
from daemon.intake.server import Intake
from daemon.intake.terms import Limits, Listener, Shop, Terms
from daemon.ledger import Ledger, messages, schema
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from daemon.metrics import Metrics
from daemon.rounds.read_bounces import MOST_AN_HOUR
from daemon.rounds.surroundings import Surroundings
from tests.daemon.rounds.conftest import HeldClock
from tests.daemon.rounds.returned_mail import BASE, KEY, KIM, ReturnedMail, dsn, text_bounce

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.settings import Shop as ShopSettings

SAMPLES = Path(__file__).resolve().parents[1] / "daemon" / "intake" / "bounces" / "samples"
RUGS = "bounces@rugs.example"
SENT = MailState.WATCHED, AttemptState.ACCEPTED
PER_MINUTE = 60
TEA_AT, STRANGER_AT = "127.0.0.2", "127.0.0.1"

TERMS = Terms(
    "intake.example",
    (Listener("127.0.0.1", 0),),
    (
        Shop("tea", True, frozenset({"tea.example"}), networks=(ip_network(TEA_AT),)),  # noqa: FBT003 - it relays
        Shop("rugs", True, frozenset({"rugs.example"})),  # noqa: FBT003 - it relays
    ),
    Limits(bounces_per_minute=PER_MINUTE),
)


@dataclass
class Front:
    """An intake on loopback, the ledger behind it, and who reads what came back."""

    post: ReturnedMail
    port: int

    async def bring(
        self, raw: bytes, to: str, mail_from: str = "", *, ip: str = STRANGER_AT
    ) -> str:
        """What a stranger's server is told: the last reply's code and text."""
        return (await self.bring_many([raw], to, mail_from, ip=ip))[0]

    async def bring_many(
        self, raws: list[bytes], to: str, mail_from: str = "", *, ip: str = STRANGER_AT
    ) -> list[str]:
        replies = []
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self.port, start_tls=False, source_address=(ip, 0)
        )
        async with client:
            for raw in raws:
                try:
                    _, told = await client.sendmail(mail_from, [to], raw)
                    replies.append(f"250 {told}")
                except aiosmtplib.SMTPRecipientsRefused as refusal:
                    [only] = refusal.recipients
                    replies.append(f"{only.code} {only.message}")
                except aiosmtplib.SMTPResponseException as refusal:
                    replies.append(f"{refusal.code} {refusal.message}")
        return replies

    async def read(self) -> int:
        return await self.post.round.run_once()

    async def messages(self) -> list[messages.MessageRow]:
        """Of any kind; those that tests put there themselves came by no intake."""
        async with self.post.around.ledger.read() as conn:
            ours = schema.messages.c.helo != "tea.example"
            ids = (await conn.execute(select(schema.messages.c.id).where(ours))).scalars()
            rows = [await messages.get(conn, message) for message in ids]
        return [row for row in rows if row]


@asynccontextmanager
async def open_front(folder: Path) -> AsyncIterator[Front]:
    ledger = await Ledger.open(f"sqlite:///{folder}/ledger.db")
    await ledger.migrate()
    around, reader = Surroundings(ledger, HeldClock(), Metrics("0")), BounceReader()
    post = ReturnedMail(around, reader)
    paths = ReturnPaths([_told("tea", BASE), _told("rugs", RUGS)], KEY, around.metrics)
    intake = Intake(TERMS, post.arrivals.take, around.clock.now, bounce_shop=paths.shop_of)
    await intake.start()
    try:
        yield Front(post, intake.ports[0])
    finally:
        await intake.close(drain_s=0.2)
        await post.close()
        await reader.close()
        await ledger.close()


def _told(name: str, address: str) -> ShopSettings:
    """As much of a shop's settings as return paths need."""
    told: Any = SimpleNamespace(name=name, bounces=SimpleNamespace(address=address))
    return cast("ShopSettings", told)


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("field", ["From", "Sender", "Reply-To"])
async def test_28_mail_in_another_shop_s_name_is_refused(front: Front, field: str) -> None:
    authors = {"From": "orders@tea.example", field: "Rugs <orders@RUGS.example>"}
    head = "".join(f"{name}: {value}\r\n" for name, value in authors.items())
    reply = await front.bring(
        f"{head}\r\nHello.\r\n".encode(), KIM, "orders@tea.example", ip=TEA_AT
    )
    assert reply.startswith("550 ")
    assert "somebody else" in reply
    assert await front.messages() == []


async def test_29_a_forged_signature_is_refused_and_counted(front: Front) -> None:
    claimed = await front.post.sent()
    path = front.post.path(claimed)
    letter = "0" if path[-len("@tea.example") - 1] != "0" else "1"
    forged = path.replace("@tea.example", "")[:-1] + letter + "@tea.example"
    reply = await front.bring(dsn(), forged)
    assert reply.startswith("550 ")
    assert front.post.forged == 1
    assert await front.messages() == []
    assert await front.post.states(claimed) == SENT


async def test_29_a_forged_one_in_a_mailbox_is_ignored_even_if_it_knows_the_message_id(
    front: Front,
) -> None:
    claimed = await front.post.sent(route="plain", message_id="7@tea.example")
    forged = f"bounces+{'0' * 24}@tea.example"
    report = dsn(original="Message-ID: <7@tea.example>\nTo: kim@customer.example\nFrom: a@b.test")
    row = await front.post.comes_back(report, forged)
    assert row.problem == "It came to a return path that we did not sign."
    assert front.post.forged == 1
    assert await front.post.states(claimed) == SENT
    assert await front.post.on_record() == []


async def test_30_a_bounce_of_what_was_never_sent_does_nothing_then_or_later(front: Front) -> None:
    attempt = await front.post.waiting()
    assert (await front.bring(dsn(), front.post.path(attempt))).startswith("250 ")
    assert await front.read() == 1
    [row] = await front.post.on_record()
    assert row.mail
    assert (await front.post.mail(row.mail)).state is MailState.RECEIVED
    claimed = await front.post.next_in_hand()
    await front.post.accepted(claimed)
    assert await front.post.states(claimed) == SENT
    assert await front.post.suppressed() == set()


async def test_30_a_bounce_of_another_shop_s_attempt_does_nothing(front: Front) -> None:
    claimed = await front.post.sent(shop="rugs")
    stolen = front.post.path(claimed.attempt, BASE)  # as if we had signed it for another shop
    assert (await front.bring(dsn(), stolen)).startswith("250 ")
    assert await front.read() == 1
    assert await front.post.states(claimed) == SENT
    assert await front.post.suppressed() == set()
    [row] = await front.post.on_record()
    assert (row.shop, row.mail, row.moves_to) == ("tea", None, MailState.BOUNCED)


async def test_30_a_bounce_of_an_attempt_that_is_forgotten_does_nothing(front: Front) -> None:
    assert (await front.bring(dsn(), front.post.path("0123456789AB"))).startswith("250 ")
    assert await front.read() == 1
    [row] = await front.post.on_record()
    assert (row.mail, row.attempt) == (None, "0123456789AB")
    assert await front.post.suppressed() == set()
    assert await front.post.findings() == []


async def test_31_a_flood_of_forged_texts_is_slowed_counted_and_suppresses_nobody(
    front: Front,
) -> None:
    claimed, other = await front.post.sent(), await front.post.sent(recipient="ann@gmail.example")
    texts = [text_bounce() for _ in range(PER_MINUTE + 20)]
    replies = await front.bring_many(texts, front.post.path(claimed))
    assert [reply[:4] for reply in replies] == ["250 "] * PER_MINUTE + ["451 "] * 20
    assert await front.read() == PER_MINUTE
    assert len(await front.post.on_record()) == MOST_AN_HOUR
    assert front.post.counted("flood") == PER_MINUTE - MOST_AN_HOUR
    assert await front.post.suppressed() == set()
    assert await front.post.states(other) == SENT


NO_BOUNCES = [
    *("autoreply-thanks", "autoreply-ticket", "vacation-english", "vacation-exchange"),
    *("vacation-that-names-a-gone-colleague", "challenge-tmda", "challenge-boxtrapper"),
    *("list-moderation", "list-post-about-bounces", "ordinary-hello-null-path", "mdn-displayed"),
]


async def test_32_what_is_no_bounce_does_nothing_and_nothing_is_ever_answered(
    front: Front,
) -> None:
    claimed = await front.post.sent()
    before = await front.post.attempts()
    for name in NO_BOUNCES:
        raw = (SAMPLES / f"{name}.eml").read_bytes()
        reply = await front.bring(raw, front.post.path(claimed))
        assert reply.startswith("250 "), name
    assert await front.read() == len(NO_BOUNCES)
    rows = await front.messages()
    assert {row.mode for row in rows} == {IntakeMode.BOUNCE}
    assert all(row.problem and row.problem.startswith("No bounce") for row in rows)
    assert await front.post.states(claimed) == SENT
    assert await front.post.on_record() == []
    assert await front.post.suppressed() == set()
    assert await front.post.attempts() == before, "an answer would be an attempt"
