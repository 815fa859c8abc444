"""Mails and their attempts to test with, as the intake would have stored them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from daemon.ledger import Ledger, attempts, bounces, schema
from daemon.ledger.attempts import AttemptRow, Claimed, MailMove, Moves, Settled
from daemon.ledger.states import AttemptCause, Reading
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from probes.observation import Fault
from probes.token import new_id
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

LIFE = 5 * 24 * HOUR
LEASE = MINUTE
_numbers = itertools.count(1)

ACCEPTED = Settled(
    AttemptState.ACCEPTED,
    NOON + MINUTE,
    outcome="accepted",
    stage="dot",
    code=250,
    text="queued as 1",
    mail=MailMove(MailState.WATCHED),
)
DEFERRED = Settled(AttemptState.DEFERRED, NOON + MINUTE, outcome="deferred", stage="rcpt", code=450)
REJECTED = Settled(
    AttemptState.REJECTED,
    NOON + MINUTE,
    outcome="rejected",
    stage="rcpt",
    code=550,
    mail=MailMove(MailState.HELD, "no route took it"),
)
UNKNOWN = Settled(
    AttemptState.IN_DOUBT,
    NOON + MINUTE,
    outcome="failed",
    mail=MailMove(MailState.IN_DOUBT, "no answer"),
)


async def received(conn: AsyncConnection, **changes: Any) -> str:
    """A mail of its own message, with a first attempt that is due at noon; its id.

    Names of columns of `mails` and `attempts` change them; `attempt=None` makes none.
    """
    message, mail = f"m{next(_numbers)}", new_id()
    facts = {"shop": "tea", "recipient": "ann@gmail.example", "mail_state": MailState.RECEIVED}
    facts |= {"mode": IntakeMode.RELAY, "message_id": f"{message}@tea.example", **changes}
    await conn.execute(insert(schema.messages), _message(message, facts))
    await conn.execute(insert(schema.mails), _mail(mail, message, facts))
    if facts.get("attempt", True):
        await conn.execute(insert(schema.attempts), _attempt(mail, facts))
    return mail


def _message(message: str, facts: dict[str, Any]) -> dict[str, Any]:
    kept = {name: facts[name] for name in ("shop", "mode", "message_id")}
    who = {"mail_from": "shop@tea.example", "client": "127.0.0.1", "helo": "tea.example"}
    what = {
        "recipients": [facts["recipient"]],
        "sha256": b"",
        "size": 3000,
        "smtputf8": False,
        "received_at": NOON,
    }
    return {"id": message, **kept, **who, **what, "reading": Reading.PENDING}


def _mail(mail: str, message: str, facts: dict[str, Any]) -> dict[str, Any]:
    kept = {name: facts[name] for name in ("shop", "recipient")}
    state = {"state": facts["mail_state"], "received_at": NOON, "changed_at": NOON}
    return {"id": mail, "message": message, **kept, "generation": 1, **state}


def _attempt(mail: str, facts: dict[str, Any]) -> dict[str, Any]:
    life = {"queued_at": NOON, "due_at": NOON, "expires_at": NOON + LIFE, "tries": 0, "fence": 0}
    how = {"n": 1, "route": "relay", "cause": AttemptCause.FIRST, "state": AttemptState.QUEUED}
    row = {"id": new_id(), "mail": mail, "shop": facts["shop"], **how, **life}
    return row | {name: value for name, value in facts.items() if name in row}


async def taken(
    ledger: Ledger, *, holder: str = "me", limit: int = 100, **at: Any
) -> list[Claimed]:
    """What is due at noon, claimed for a minute."""
    now = at.get("now", NOON)
    terms = {"holder": holder, "now": now, "lease_until": now + LEASE, **at}
    async with ledger.write() as conn:
        return await attempts.claim(conn, limit=limit, **terms)


async def begun(moves: Moves, claimed: Claimed) -> Claimed:
    """Its try begins at noon; the next would be due in five minutes."""
    assert await moves.begin(claimed, at=NOON, due_at=NOON + 5 * MINUTE)
    return claimed


async def handed_over(moves: Moves, claimed: Claimed) -> Claimed:
    """Its final dot went out."""
    assert await moves.data_sent(await begun(moves, claimed))
    return claimed


async def brought_to(ledger: Ledger, moves: Moves, state: AttemptState) -> Claimed:
    """A mail whose attempt went its way to `state`."""
    async with ledger.write() as conn:
        holder = await received(conn)  # nobody else's
    [claimed] = await taken(ledger, holder=holder)
    match state:
        case AttemptState.CLAIMED:
            pass
        case AttemptState.SENDING:
            await begun(moves, claimed)
        case AttemptState.QUEUED:
            async with ledger.write() as conn:
                await attempts.release(conn, holder)
        case AttemptState.CANCELLED:
            assert await moves.settle(claimed, Settled(state, NOON))
        case _:
            await handed_over(moves, claimed)
    if state in END:
        assert await moves.settle(claimed, END[state])
    if state is AttemptState.BOUNCED:
        assert await moves.settle(claimed, ACCEPTED)
        await came_back(ledger, claimed)
    return claimed


END = {settled.state: settled for settled in (ACCEPTED, DEFERRED, REJECTED, UNKNOWN)}
GONE = bounces.Effect(MailState.BOUNCED, "There is no such mailbox.", suppress=True)
BLOCKED = bounces.Effect(MailState.AT_RISK, "Gmail blocks the relay.")


def bounce(claimed: Claimed, **changes: Any) -> bounces.Bounce:
    """A bounce of the attempt, by its signed return path."""
    named = bounces.Bounce(
        shop=claimed.shop,
        message=None,
        mail=None,
        attempt=claimed.attempt,
        recipient=claimed.recipient,
        sha256=b"1",
        received_at=NOON + 2 * MINUTE,
        kind="bounce",
        signed=True,
        status="5.1.1",
        reason="user unknown",
        hard=True,
        fault=Fault.SEED,
        text="550 5.1.1 no such user",
        facts={"reporting_mta": "mx.gmail.example"},
    )
    return replace(named, **changes)


async def came_back(
    ledger: Ledger, claimed: Claimed, effect: bounces.Effect = GONE, **changes: Any
) -> bounces.Recorded:
    """Record a bounce of the attempt."""
    async with ledger.write() as conn:
        row = bounce(claimed, **changes)
        return await bounces.record(conn, row, effect, at=NOON + 3 * MINUTE)


async def attempt_of(ledger: Ledger, claimed: Claimed) -> AttemptRow:
    async with ledger.read() as conn:
        row = await attempts.get(conn, claimed.attempt)
    assert row
    return row


async def mail_state(ledger: Ledger, mail: str) -> MailState:
    async with ledger.read() as conn:
        query = select(schema.mails.c.state).where(schema.mails.c.id == mail)
        state: MailState = (await conn.execute(query)).scalar_one()
    return state
