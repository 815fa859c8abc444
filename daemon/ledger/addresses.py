"""Who runs the customers' mailboxes: written once for each mail, after it was taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, true, update

from daemon.ledger.among import among
from daemon.ledger.schema import mails

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Unknown:
    """A mail whose customer's provider was not looked up yet."""

    mail: str
    recipient: str
    received_at: datetime


async def unknown_providers(
    conn: AsyncConnection, limit: int, *, after: Unknown | None = None
) -> list[Unknown]:
    """The oldest of them, or the next ones `after` this one."""
    oldest = select(mails.c.id, mails.c.recipient, mails.c.received_at)
    wanted = oldest.where(mails.c.provider.is_(None), _after(after))
    rows = await conn.execute(wanted.order_by(mails.c.received_at, mails.c.id).limit(limit))
    return [Unknown(*row) for row in rows]


async def set_provider(conn: AsyncConnection, which: Collection[str], provider: str | None) -> int:
    """Write down who runs these mails' mailboxes; None for nobody known, which is "" in the table.

    Returns how many were written: not those that somebody has in hand or wrote already. It waits
    for nobody, so that it never stands in the way of a sender who holds one mail and wants another.
    """
    free = select(mails.c.id).where(among(mails.c.id, "which"), mails.c.provider.is_(None))
    written = await conn.execute(
        update(mails)
        .where(mails.c.id.in_(free.with_for_update(skip_locked=True)))
        .values(provider=provider or ""),
        {"which": which},
    )
    return written.rowcount


def _after(last: Unknown | None) -> ColumnElement[bool]:
    if last is None:
        return true()
    same = and_(mails.c.received_at == last.received_at, mails.c.id > last.mail)
    return or_(mails.c.received_at > last.received_at, same)
