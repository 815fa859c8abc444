"""Forgets what is older than the operator wants to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select, update

from daemon.ledger.schema import (
    STILL_DEDUPED,
    UNREAD,
    findings,
    mails,
    message_raws,
    messages,
    probes,
    raws,
)
from daemon.lifecycles.order_mail import ON_ITS_WAY, MailState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_TO_BE_SENT = ON_ITS_WAY | {MailState.AT_RISK, MailState.HELD, MailState.IN_DOUBT}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows were deleted: messages, probes, and findings on seeds and routes."""

    raws: int
    probes: int
    findings: int


async def forget(
    conn: AsyncConnection, *, raws_before: datetime, probes_before: datetime
) -> Forgotten:
    """Delete messages stored, and probes planned, before; a probe takes all that is its own along.

    Findings on a seed or a route itself are kept as long as probes.
    """
    old_raws = await conn.execute(delete(raws).where(raws.c.stored_at < raws_before))
    old_probes = await conn.execute(delete(probes).where(probes.c.planned_at < probes_before))
    lone = findings.c.probe.is_(None), findings.c.at < probes_before
    old_findings = await conn.execute(delete(findings).where(*lone))
    return Forgotten(old_raws.rowcount, old_probes.rowcount, old_findings.rowcount)


async def forget_dedupe(conn: AsyncConnection, before: datetime) -> int:
    """Forget how messages taken in before would be known if they came again; returns how many."""
    old = messages.c.received_at < before, STILL_DEDUPED
    return (await conn.execute(update(messages).where(*old).values(dedupe=None))).rowcount


async def forget_messages(conn: AsyncConnection, before: datetime) -> int:
    """Delete the texts of messages taken in before; all else that is known of them stays.

    Kept are those that nobody has read yet, or of which a mail is on its way, at risk, held or in
    doubt: they may have to be sent. Returns how many were deleted.
    """
    needed = exists().where(mails.c.message == messages.c.id, mails.c.state.in_(_TO_BE_SENT))
    old = select(messages.c.id).where(messages.c.received_at < before, ~UNREAD, ~needed)
    return (
        await conn.execute(delete(message_raws).where(message_raws.c.message.in_(old)))
    ).rowcount
