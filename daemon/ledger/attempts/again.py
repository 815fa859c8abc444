"""A person has a mail sent again that came to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from daemon.ledger import suppressions
from daemon.ledger.attempts.writes import queued
from daemon.ledger.schema import attempts, mails
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.attempt import ATTEMPT, LIVE, AttemptState
from daemon.lifecycles.order_mail import ORDER_MAIL, MailState

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncConnection


async def again(
    conn: AsyncConnection,
    mail: str,
    *,
    shop: str,
    route: str,
    by: str,
    at: datetime,
    expires_at: datetime,
) -> str | None:
    """Queue a further attempt, due at once, and return its id.

    None when the mail is not the shop's, was never sent by us, is on its way or arrived as far as
    we know, or when its recipient is still on the suppression list.
    """
    last = await _last(conn, mail, shop)
    if last is None or last.state in LIVE or await _suppressed(conn, mail, shop):
        return None
    if not await _take_back(conn, mail, at, by):
        return None
    if last.state == AttemptState.IN_DOUBT:
        await _cancel(conn, last.id, by)
    kept = {"mail": mail, "shop": shop, "n": last.n + 1}
    terms = {"route": route, "queued_at": at, "due_at": at, "expires_at": expires_at}
    row = queued(cause=AttemptCause.PERSON, **kept, **terms)
    await conn.execute(insert(attempts), row)
    return str(row["id"])


async def _last(conn: AsyncConnection, mail: str, shop: str) -> Any:  # noqa: ANN401 - a row, or None
    """The mail's newest attempt; nobody else moves any of them before the transaction ends."""
    columns = attempts.c.id, attempts.c.n, attempts.c.state
    query = select(*columns).where(attempts.c.mail == mail, attempts.c.shop == shop)
    locked = query.order_by(attempts.c.n).with_for_update(key_share=True)
    rows = list(await conn.execute(locked))
    return rows[-1] if rows else None


async def _suppressed(conn: AsyncConnection, mail: str, shop: str) -> bool:
    recipient = (await conn.execute(select(mails.c.recipient).where(mails.c.id == mail))).scalar()
    return await suppressions.holds(conn, shop, recipient or "")


async def _take_back(conn: AsyncConnection, mail: str, at: datetime, by: str) -> bool:
    ended = mails.c.id == mail, mails.c.state.in_(ORDER_MAIL.sources(MailState.RECEIVED))
    facts = {"state": MailState.RECEIVED, "why": f"{by} has it sent again.", "changed_at": at}
    return (await conn.execute(update(mails).where(*ended).values(**facts))).rowcount == 1


async def _cancel(conn: AsyncConnection, attempt: str, by: str) -> None:
    may = attempts.c.state.in_(ATTEMPT.sources(AttemptState.CANCELLED))
    facts = {"state": AttemptState.CANCELLED, "why": f"{by} has it sent by a new attempt."}
    await conn.execute(update(attempts).where(attempts.c.id == attempt, may).values(**facts))
