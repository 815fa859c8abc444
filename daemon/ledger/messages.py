"""Messages as they were taken in. `shop` None asks for everybody's."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from sqlalchemy import bindparam, select, true, tuple_, update

from daemon.ledger import orders
from daemon.ledger.among import among
from daemon.ledger.columns import Instant, Words
from daemon.ledger.conflict import insert
from daemon.ledger.ids import next_id
from daemon.ledger.schema import UNREAD, mails, message_raws, messages
from daemon.ledger.states import Reading
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.orders import FoundOrder

MOST_OCTETS = 32_000_000
"""Of the texts that one question brings into memory; at least one message's, however large."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message; see `lifecycles.arrival.Arrival` for how it came.

    `subject`, `sender` (the address in From), `order` and by what it was found (`matched_by`) are
    None until it was read, and where it names none; `problem` says why it could not be, or not
    wholly. `twin` is an earlier message of the same Message-ID with other content.
    """

    id: str
    shop: str
    mode: IntakeMode
    mail_from: str
    recipients: tuple[str, ...]
    client: str
    helo: str
    login: str | None
    message_id: str | None
    sha256: bytes
    size: int
    smtputf8: bool
    received_at: datetime
    reading: Reading
    problem: str | None
    subject: str | None
    sender: str | None
    order: str | None
    matched_by: str | None
    twin: str | None


@dataclass(frozen=True, slots=True)
class Unread:
    """A message of which nobody knows yet what it is about; `recipients` are the envelope's."""

    id: str
    shop: str
    mode: IntakeMode
    mail_from: str
    recipients: tuple[str, ...]
    client: str
    received_at: datetime
    raw: bytes = field(repr=False)


_COLUMNS = tuple(messages.c[part.name] for part in fields(MessageRow))
_UNREAD = tuple(messages.c[part.name] for part in fields(Unread) if part.name != "raw")


async def unread(conn: AsyncConnection, *, limit: int) -> list[Unread]:
    """Messages of shops that wait to be read, those that came first first.

    `mark_read` takes a message out of the queue. Fewer than `limit` when they are large.
    """
    return await _unread(conn, (IntakeMode.RELAY, IntakeMode.COPY), limit)


async def unread_bounces(conn: AsyncConnection, *, limit: int) -> list[Unread]:
    """The same, for what came back to a return path."""
    return await _unread(conn, (IntakeMode.BOUNCE,), limit)


async def get(conn: AsyncConnection, message: str, *, shop: str | None = None) -> MessageRow | None:
    """The message; None when there is none, or when it is another shop's."""
    wanted = select(*_COLUMNS).where(messages.c.id == message, _of(shop))
    row = (await conn.execute(wanted)).mappings().first()
    return MessageRow(**_with_recipients(row)) if row else None


async def raw(conn: AsyncConnection, message: str, *, shop: str | None = None) -> bytes | None:
    """The message's text as it was taken in; None when there is none, or no longer."""
    text = select(message_raws.c.raw).join_from(message_raws, messages)
    return (await conn.execute(text.where(messages.c.id == message, _of(shop)))).scalar()


# Written once: to build a statement costs more than to run it.
_TAKE = (
    update(messages)
    .where(messages.c.id == bindparam("this"), UNREAD)
    .returning(*(messages.c[n] for n in ("id", "shop", "mode", "message_id", "sha256")))
    .returning(messages.c.received_at)
)
_COMPLETE = update(messages).where(messages.c.id == bindparam("this"))
_GIVE_MAILS = update(mails).where(mails.c.message == bindparam("this"))
_OLDEST_TWIN = (
    select(messages.c.id)
    .where(
        messages.c.shop == bindparam("shop"),
        messages.c.message_id == bindparam("message_id"),
        messages.c.sha256 != bindparam("sha256"),
        tuple_(messages.c.received_at, messages.c.id)
        < tuple_(bindparam("received_at", type_=Instant), bindparam("id", type_=Words)),
    )
    .order_by(messages.c.received_at, messages.c.id)
    .limit(1)
)


class WhatWasRead(TypedDict, total=False):
    """What `mark_read` stores; `recipients` are a COPY's: the customers."""

    reading: Reading
    problem: str | None
    subject: str | None
    sender: str | None
    order: FoundOrder | None
    recipients: Iterable[str]


async def mark_read(
    conn: AsyncConnection, message: str, *, at: datetime, **what: Unpack[WhatWasRead]
) -> bool:
    """As `keep_read`, on a connection of the other kind."""
    return await conn.run_sync(keep_read, message, at=at, what=what)


def keep_read(conn: Connection, message: str, *, at: datetime, what: WhatWasRead) -> bool:
    """Store what was read in a message; False, and nothing stored, when it was read before.

    The shop's order of this number is made, or completed, and the message and its mails belong to
    it then. Only now has a COPY mails: one for each recipient, and they are watched.
    """
    this = {"this": message}
    row = conn.execute(_TAKE, {**this, **_told(what)}).mappings().first()
    if row is None:
        return False
    known = {"twin": _twin(conn, row), **_order(conn, row, what.get("order"))}
    if any(known.values()):
        conn.execute(_COMPLETE, {**this, **known})
    if known["order"]:
        conn.execute(_GIVE_MAILS, {**this, "order": known["order"]})
    if row["mode"] == IntakeMode.COPY:
        _watch(conn, {**row, **known}, what.get("recipients", ()), at)
    return True


def _told(what: WhatWasRead) -> dict[str, Any]:
    return {
        "reading": what.get("reading", Reading.READ),
        "problem": what.get("problem"),
        "subject": what.get("subject"),
        "sender": what.get("sender"),
    }


def _twin(conn: Connection, row: Mapping[Any, Any]) -> str | None:
    """The first message of the same shop and Message-ID that came before, with other content."""
    return conn.execute(_OLDEST_TWIN, dict(row)).scalar() if row["message_id"] else None


def _order(
    conn: Connection, row: Mapping[Any, Any], found: FoundOrder | None
) -> dict[str, str | None]:
    if found is None:
        return {"order": None, "matched_by": None}
    shop, at = row["shop"], row["received_at"]
    order = orders.upsert(conn, next_id(), shop=shop, found=found, at=at)
    return {"order": order, "matched_by": found.matched_by}


def _watch(
    conn: Connection, row: Mapping[Any, Any], recipients: Iterable[str], at: datetime
) -> None:
    copied = {"message": row["id"], "shop": row["shop"], "order": row["order"], "generation": 1}
    stand = {"state": MailState.WATCHED, "received_at": row["received_at"], "changed_at": at}
    for recipient in dict.fromkeys(recipients):
        mail = {"id": next_id(), "recipient": recipient, **copied, **stand}
        fresh = insert(conn, mails).values(**mail)
        conn.execute(fresh.on_conflict_do_nothing(index_elements=["message", "recipient"]))


async def _unread(conn: AsyncConnection, modes: Iterable[IntakeMode], limit: int) -> list[Unread]:
    waiting = select(*_UNREAD, messages.c.size).where(UNREAD, messages.c.mode.in_(modes))
    oldest = waiting.order_by(messages.c.received_at, messages.c.id).limit(limit)
    rows = [dict(row) for row in (await conn.execute(oldest)).mappings()]
    at_once = list(_fitting(rows))
    texts = select(message_raws).where(among(message_raws.c.message, "ids"))
    found = await conn.execute(texts, {"ids": [row["id"] for row in at_once]})
    raws = {text.message: text.raw for text in found}
    return [Unread(**_with_recipients(row), raw=raws[row["id"]]) for row in at_once]


def _fitting(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The first rows, as many as may be in memory at once."""
    octets = 0
    for row in rows:
        octets += row.pop("size")
        if octets > MOST_OCTETS and row is not rows[0]:
            return
        yield row


def _with_recipients(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, "recipients": tuple(row["recipients"])}


def _of(shop: str | None) -> ColumnElement[bool]:
    return true() if shop is None else messages.c.shop == shop
