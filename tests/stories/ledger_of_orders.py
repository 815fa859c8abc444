"""A ledger in which order mail has met what order mail meets; written by the ledger's own hands."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from daemon.ledger import Ledger, attempts, bounces, mails, messages
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import MailMove, Moves, NextAttempt, Settled
from daemon.ledger.orders import FoundOrder
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.arrival import Arrival, IntakeMode
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.ledger.attempts import Claimed

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BOB = "bob@mailbox.example"
HOSTILE = "Pay\x1b]0;owned\x07 \x9b31m\u202eevil [red]now[/]"


def arrival(name: str, **changed: Any) -> Arrival:
    raw = f"Subject: {name}\r\n\r\n\x1b[31mThank you, {name}.\r\n".encode()
    made = Arrival(
        shop="tea",
        mode=IntakeMode.RELAY,
        mail_from="orders@tea.example",
        recipients=(BOB,),
        client="192.0.2.7",
        helo="shop.tea.example",
        login="tea",
        smtputf8=False,
        received_at=START,
        message_id=f"{name}@tea.example",
        dedupe=hashlib.sha256(name.encode()).digest(),
        sha256=hashlib.sha256(raw).digest(),
        raw=raw,
    )
    return replace(made, **changed)


@dataclass(slots=True)
class Sales:
    """Takes receipts in, reads their orders, and settles what is claimed, a minute apart."""

    ledger: Ledger
    arrivals: Arrivals
    moves: Moves
    at: datetime = START
    hand: dict[str, Claimed] = field(default_factory=dict)

    async def sold(self, name: str, number: str | None = None, **changed: Any) -> str:
        """A receipt of this name comes in for the order of this number; its mail's id."""
        self.at += MINUTE
        taken = await self.arrivals.take(arrival(name, received_at=self.at, **changed))
        order = FoundOrder(number, "pattern subject", BOB, "Bob") if number else None
        copied = (BOB,) if changed.get("mode") is IntakeMode.COPY else ()
        async with self.ledger.write() as conn:
            assert await messages.mark_read(
                conn, taken.message, at=self.at, subject=name, order=order, recipients=copied
            )
            [mail] = await mails.of_message(conn, taken.message)
        return mail.id

    async def settled(self, whose: str, state: AttemptState, **told: Any) -> None:
        """The mail's attempt is claimed, tried, and ends like this."""
        claimed = await self._claimed(whose)
        self.at += MINUTE
        assert await self.moves.begin(claimed, at=self.at, due_at=self.at + 5 * MINUTE)
        if state in {AttemptState.ACCEPTED, AttemptState.IN_DOUBT}:
            assert await self.moves.data_sent(claimed)
        self.at += MINUTE
        assert await self.moves.settle(claimed, Settled(state, self.at, **told))

    async def accepted(self, mail: str, **told: Any) -> None:
        words = {"outcome": "accepted", "stage": "data", "code": 250, "enhanced": "2.0.0"}
        kept = {"text": "Ok: queued as 4FZ", "host": "smtp.tea.example", "tls_version": "TLSv1.3"}
        watched = MailMove(MailState.WATCHED)
        await self.settled(mail, AttemptState.ACCEPTED, **words, **kept, mail=watched, **told)

    async def refused_then_taken_over(self, mail: str) -> None:
        await self.settled(
            mail,
            AttemptState.REJECTED,
            why="primary refused it: backup takes over.",
            outcome="rejected",
            stage="rcpt",
            code=550,
            enhanced="5.7.26",
            text="unauthenticated",
            fault=Fault.SENDER,
            meaning="Neither SPF nor DKIM passed.",
            remedy="Sign with DKIM.",
            next=NextAttempt("backup", self.at, AttemptCause.FAILOVER),
        )

    async def deferred(self, mail: str) -> None:
        words = {"outcome": "deferred", "stage": "rcpt", "code": 451, "enhanced": "4.7.1"}
        await self.settled(mail, AttemptState.DEFERRED, **words, text="greylisted, come later")

    async def in_doubt(self, mail: str) -> None:
        move = MailMove(MailState.IN_DOUBT, "primary never answered.")
        words = {"outcome": "failed", "stage": "data", "text": "Timeout"}
        await self.settled(mail, AttemptState.IN_DOUBT, **words, mail=move)

    async def held(self, mail: str) -> None:
        move = MailMove(MailState.HELD, "primary refused it, and no other route is left: held.")
        words = {"outcome": "rejected", "stage": "mail", "code": 550, "text": HOSTILE}
        await self.settled(mail, AttemptState.REJECTED, **words, mail=move)

    async def came_back(self, mail: str) -> None:
        """The address does not exist, as a bounce of the mail's first attempt says."""
        self.at += MINUTE
        async with self.ledger.write() as conn:
            [past, *_] = await attempts.history(conn, mail)
            row = bounces.Bounce(
                shop="tea",
                message=None,
                mail=mail,
                attempt=past.attempt.id,
                recipient=BOB,
                sha256=b"1",
                received_at=self.at,
                kind="bounce",
                signed=True,
                status="5.1.1",
                reason="user unknown",
                hard=True,
                fault=Fault.SEED,
                text="No such user here",
                facts={},
            )
            effect = bounces.Effect(MailState.BOUNCED, "This address does not exist.")
            assert await bounces.record(conn, row, effect, at=self.at)

    async def _claimed(self, mail: str) -> Claimed:
        late = self.at + 1000 * MINUTE
        async with self.ledger.write() as conn:
            due = await attempts.claim(conn, holder="me", now=late, lease_until=late, limit=100)
        self.hand |= {claimed.mail: claimed for claimed in due}
        return self.hand.pop(mail)


@asynccontextmanager
async def sales(folder: Path) -> AsyncIterator[Sales]:
    """Sales of two shops, while the block lasts; what was not settled waits again at its end."""
    ledger = await Ledger.open(f"sqlite:///{folder}/ledger.db")
    await ledger.migrate()
    arrivals = Arrivals(ledger, routes={"tea": "primary", "hats": "primary"})
    moves = Moves(ledger)
    try:
        yield Sales(ledger, arrivals, moves)
        async with ledger.write() as conn:
            await attempts.release(conn, "me")
    finally:
        await arrivals.close()
        await moves.close()
        await ledger.close()
