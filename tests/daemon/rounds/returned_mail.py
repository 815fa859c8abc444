"""Order mail that was sent, and what comes back of it, as the intake would store it."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from daemon.intake.bounces.reader import BounceReader
from daemon.intake.bounces.reading import read_bounce
from daemon.ledger import attempts, bounces, findings, mails, messages, schema, suppressions
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import Moves
from daemon.lifecycles.arrival import Arrival, IntakeMode
from daemon.rounds.bounce_links import Paths
from daemon.rounds.read_bounces import BounceRound
from probes.return_path import signed
from tests.daemon.ledger.attempt_samples import ACCEPTED, handed_over, received, taken
from tests.daemon.ledger.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Collection

    from daemon.intake.bounces.verdict import Bounce, NoBounce
    from daemon.ledger.attempts import Claimed
    from daemon.ledger.findings import FindingRow
    from daemon.ledger.messages import MessageRow
    from daemon.lifecycles.attempt import AttemptState
    from daemon.lifecycles.order_mail import MailState
    from daemon.rounds.surroundings import Surroundings

KEY = b"the key of all return paths"
BASE = "bounces@tea.example"
KIM = "kim@customer.example"
SHOPS = {
    "tea": Paths(BASE, ("orders@tea.example",), frozenset({"relay"})),
    "rugs": Paths("bounces@rugs.example", ("orders@rugs.example",), frozenset({"relay"})),
}
"""Each has a route "relay" that signs return paths, and may have others that do not."""

UNKNOWN_USER = "smtp; 550 5.1.1 <kim@customer.example>: User unknown in virtual mailbox table"
DMARC = "smtp; 550-5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy."
FULL = "smtp; 552 5.2.2 The mailbox is full"

_numbers = itertools.count(1)


def returned(
    *, message_id: str = "1@tea.example", to: str = KIM, path: str = "orders@tea.example"
) -> str:
    """The header of a receipt, as it comes back."""
    return (
        f"Return-Path: <{path}>\nFrom: Tea <orders@tea.example>\nTo: {to}\n"
        f"Subject: Your order 1001\nMessage-ID: <{message_id}>\n"
    )


def dsn(
    words: str = UNKNOWN_USER,
    *,
    recipient: str = KIM,
    action: str = "failed",
    head: str = "",
    original: str = "",
    mta: str = "mx.customer.example",
) -> bytes:
    """A report as Postfix writes it, no two alike."""
    number = next(_numbers)
    status = next(word for word in words.replace("-", " ").split() if word.count(".") == 2)
    text = f"""{head}Date: Sat, 21 Nov 2026 10:00:02 +0000 (UTC)
From: MAILER-DAEMON@mx.relay.example (Mail Delivery System)
Subject: {"Delayed Mail (still being retried)" if action == "delayed" else "Undelivered Mail"}
To: bounces@tea.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
Message-Id: <{number}@mx.relay.example>

--b
Content-Type: text/plain; charset=us-ascii

<{recipient}>: host {mta} said: {words.removeprefix("smtp; ")}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.relay.example
X-Postfix-Queue-ID: {number}

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; {mta}
Diagnostic-Code: {words}

--b
Content-Type: text/rfc822-headers

{original}
--b--
"""
    return text.replace("\n", "\r\n").encode()


def text_bounce(words: str = "550 5.1.1 user unknown", *, original: str = "") -> bytes:
    """The same news without a part for machines, no two alike."""
    number = next(_numbers)
    text = f"""From: MAILER-DAEMON@mx.relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@tea.example
Message-Id: <{number}@mx.relay.example>

This is the mail system. Your message {number} could not be delivered.

<{KIM}>: host mx.customer.example said: {words}

{original}
"""
    return text.replace("\n", "\r\n").encode()


def complaint(original: str) -> bytes:
    """A feedback report (RFC 5965)."""
    text = f"""From: MAILER-DAEMON@yahoo.example
To: bounces@tea.example
Subject: Fw: Your order 1001
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"
Message-Id: <{next(_numbers)}@yahoo.example>

--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Feedback/1.0
Version: 1

--b
Content-Type: message/rfc822

{original}
Hello.

--b--
"""
    return text.replace("\n", "\r\n").encode()


class HereAndNow(BounceReader):
    """Reads in this process: what happens to a child process is told elsewhere."""

    async def read(
        self, raw: bytes, ours: Collection[str], mail_from: str = ""
    ) -> Bounce | NoBounce:
        return read_bounce(raw, ours=ours, mail_from=mail_from)


@dataclass
class ReturnedMail:
    """Sends nothing: writes into the ledger what a sender and the intake would, then reads."""

    around: Surroundings
    reader: BounceReader
    arrivals: Arrivals = field(init=False)
    moves: Moves = field(init=False)
    round: BounceRound = field(init=False)
    shops: dict[str, Paths] = field(default_factory=lambda: dict(SHOPS))

    def __post_init__(self) -> None:
        routes = dict.fromkeys(self.shops, "relay")
        self.arrivals = Arrivals(self.around.ledger, routes=routes)
        self.moves = Moves(self.around.ledger)
        self.round = BounceRound(self.around, self.reader, KEY, self.shops)

    async def close(self) -> None:
        await self.arrivals.close()
        await self.moves.close()

    async def waiting(self, **facts: Any) -> str:
        """A mail that nobody has begun to send; its attempt's id."""
        async with self.around.ledger.write() as conn:
            mail = await received(conn, **{"recipient": KIM, **facts})
        async with self.around.ledger.read() as conn:
            [past] = await attempts.history(conn, mail)
        return past.attempt.id

    async def copied(self, **facts: Any) -> str:
        """A mail that the shop sent itself; its id."""
        async with self.around.ledger.write() as conn:
            state = {"attempt": None, "mail_state": "watched", "recipient": KIM}
            return await received(conn, **{**state, **facts})

    async def in_hand(self, **facts: Any) -> Claimed:
        """A mail whose final dot went out; nothing is known of the reply."""
        await self.waiting(**facts)
        return await self.next_in_hand()

    async def next_in_hand(self) -> Claimed:
        """What waits is sent as far as its final dot."""
        [claimed] = await taken(self.around.ledger, now=NOON)
        return await handed_over(self.moves, claimed)

    async def accepted(self, claimed: Claimed) -> None:
        """The next server took it: now that is on record too."""
        assert await self.moves.settle(claimed, ACCEPTED)

    async def sent(self, **facts: Any) -> Claimed:
        claimed = await self.in_hand(**facts)
        await self.accepted(claimed)
        return claimed

    def path(self, claimed: Claimed | str, base: str = BASE) -> str:
        attempt = claimed if isinstance(claimed, str) else claimed.attempt
        return signed(base, KEY, attempt)

    async def bring(self, raw: bytes, to: str = BASE, *, shop: str = "tea", **more: Any) -> str:
        """What the intake, or the reader of a mailbox, hands over; the message's id."""
        arrival = Arrival(
            **{
                "shop": shop,
                "mode": IntakeMode.BOUNCE,
                "mail_from": "",
                "recipients": (to,),
                "client": "192.0.2.7",
                "helo": "mx.relay.example",
                "login": None,
                "smtputf8": False,
                "received_at": self.around.clock.now(),
                "message_id": None,
                "dedupe": hashlib.sha256(to.encode() + raw).digest(),
                "sha256": hashlib.sha256(raw).digest(),
                "raw": raw,
                **more,
            }
        )
        return (await self.arrivals.take(arrival)).message

    async def comes_back(
        self, raw: bytes, to: str = BASE, *, shop: str = "tea", **more: Any
    ) -> MessageRow:
        """Bring it, and have it read."""
        message = await self.bring(raw, to, shop=shop, **more)
        await self.round.run_once()
        async with self.around.ledger.read() as conn:
            row = await messages.get(conn, message)
        assert row
        return row

    async def states(self, claimed: Claimed) -> tuple[MailState, AttemptState]:
        async with self.around.ledger.read() as conn:
            mail = await mails.get(conn, claimed.mail)
            attempt = await attempts.get(conn, claimed.attempt)
        assert mail
        assert attempt
        return mail.state, attempt.state

    async def mail(self, mail: str) -> mails.MailRow:
        async with self.around.ledger.read() as conn:
            row = await mails.get(conn, mail)
        assert row
        return row

    async def suppressed(self) -> set[tuple[str, str]]:
        async with self.around.ledger.read() as conn:
            return {(row.shop, row.address) for row in await suppressions.all(conn)}

    async def on_record(self, shop: str | None = None) -> list[bounces.BounceRow]:
        async with self.around.ledger.read() as conn:
            return (await bounces.recent(conn, shop=shop, limit=999))[::-1]

    async def findings(self) -> list[FindingRow]:
        async with self.around.ledger.read() as conn:
            since = self.around.clock.now() - timedelta(days=1)
            return [
                row for row in await findings.latest(conn, since) if row.finding.check == "bounce"
            ]

    async def attempts(self) -> int:
        """How many there are of all mails: nothing may be sent because something came back."""
        async with self.around.ledger.read() as conn:
            count = select(func.count()).select_from(schema.attempts)
            return (await conn.execute(count)).scalar_one()

    def counted(self, kind: str, fault: str = "none", shop: str = "tea") -> float:
        labels = {"shop": shop, "kind": kind, "fault": fault}
        registry = self.around.metrics.registry
        return registry.get_sample_value("receiptwatch_mail_bounces_total", labels) or 0.0

    @property
    def forged(self) -> float:
        registry, labels = self.around.metrics.registry, {"shop": "tea"}
        name = "receiptwatch_mail_forged_return_paths_total"
        return registry.get_sample_value(name, labels) or 0.0
