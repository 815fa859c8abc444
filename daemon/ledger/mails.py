"""Order mails: one receipt to one recipient each. `shop` None asks for everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, or_, select, true

from daemon.ledger.schema import mails, messages, orders

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.lifecycles.order_mail import MailState


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail as it stands. `generation` is 1, and one more with each time it was sent again.

    `order` is None while it is not known, and for a message that names none; `why` is the state's
    reason, in words for people; `provider` is None until it was looked up.
    """

    id: str
    message: str
    shop: str
    order: str | None
    recipient: str
    generation: int
    state: MailState
    why: str | None
    provider: str | None
    received_at: datetime
    changed_at: datetime


async def get(conn: AsyncConnection, mail: str, *, shop: str | None = None) -> MailRow | None:
    """The mail; None when there is none, or when it is another shop's."""
    found = await _all(conn, select(mails).where(mails.c.id == mail, _of(shop)))
    return found[0] if found else None


async def of_order(conn: AsyncConnection, order: str, *, shop: str | None = None) -> list[MailRow]:
    """The order's mails, in the order in which they came."""
    return await _in_order(conn, mails.c.order == order, shop)


async def of_message(
    conn: AsyncConnection, message: str, *, shop: str | None = None
) -> list[MailRow]:
    """The message's mails, one for each recipient."""
    return await _in_order(conn, mails.c.message == message, shop)


async def search(
    conn: AsyncConnection, text: str, *, shop: str | None = None, limit: int
) -> list[MailRow]:
    """Mails in whose recipient, order number, subject or Message-ID the text stands.

    The newest first; in any case of its letters, as far as they are ASCII; all, for an empty text.
    """
    places = mails.c.recipient, orders.c.number, messages.c.subject, messages.c.message_id
    found = or_(*(place.icontains(text, autoescape=True) for place in places)) if text else true()
    wanted = (
        select(mails)
        .join(messages, mails.c.message == messages.c.id)
        .outerjoin(orders, mails.c.order == orders.c.id)
        .where(found, _of(shop))
    )
    newest = wanted.order_by(mails.c.received_at.desc(), mails.c.id)
    return await _all(conn, newest.limit(limit))


def _of(shop: str | None) -> ColumnElement[bool]:
    return true() if shop is None else mails.c.shop == shop


async def _in_order(
    conn: AsyncConnection, wanted: ColumnElement[bool], shop: str | None
) -> list[MailRow]:
    # asked for the shop as well, SQLite would read all of its mails
    found = await _all(conn, select(mails).where(wanted).order_by(mails.c.received_at, mails.c.id))
    return [row for row in found if shop in (None, row.shop)]


async def _all(conn: AsyncConnection, query: Select[Any]) -> list[MailRow]:
    return [MailRow(**row) for row in (await conn.execute(query)).mappings()]
