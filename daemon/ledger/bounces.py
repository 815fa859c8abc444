"""What came back: recorded once, and applied once to the attempt and the mail it is about.

A bounce may outrun the record that the server took the message. It waits then, and is applied with
that record: in whatever order the two are stored, and however often, the end is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select, true, update

from daemon.ledger.among import among
from daemon.ledger.conflict import insert
from daemon.ledger.schema import attempts, bounces, mails, messages, suppressions
from daemon.ledger.suppressions import folded
from daemon.lifecycles.attempt import ATTEMPT, LIVE, AttemptState
from daemon.lifecycles.order_mail import ORDER_MAIL, MailState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from probes.observation import Fault

BY_BOUNCE = "bounce"
"""Whose doing a suppression is that no person made."""

# what a bounce says of the attempt, by what it says of the mail
_SHOWS = {
    MailState.BOUNCED: AttemptState.BOUNCED,
    MailState.AT_RISK: AttemptState.BOUNCED,
    MailState.WATCHED: AttemptState.ACCEPTED,
}


_early = (
    select(bounces)
    .where(among(bounces.c.mail, "of"), bounces.c.applied_at.is_(None))
    .order_by(bounces.c.id)
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a bounce does, as it was decided elsewhere; nothing, unless told otherwise.

    `mail` is BOUNCED (the address's fault), AT_RISK (the sender's), or WATCHED: the next server had
    taken it, which ends a doubt. `why` is the mail's reason then, in words for people. `suppress`
    puts the mail's own recipient on its shop's list, whomever else the bounce names.
    """

    mail: MailState | None = None
    why: str | None = None
    suppress: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for a state that no bounce leads to."""
        if self.mail is not None and self.mail not in _SHOWS:
            raise ValueError(f"no bounce makes a mail {self.mail}")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A bounce as it was read; `attempt` and `mail` as far as it names them.

    `message` is the bounce as it was taken in, `sha256` that of its text; `signed` says that our
    own return path's signature names the attempt. `facts` holds JSON values only.
    """

    shop: str
    message: str | None
    mail: str | None
    attempt: str | None
    recipient: str
    sha256: bytes
    received_at: datetime
    kind: str
    signed: bool
    status: str | None
    reason: str
    hard: bool
    fault: Fault
    text: str
    facts: Mapping[str, Any]


class Recorded(StrEnum):
    """What became of a bounce."""

    APPLIED = "applied"
    EARLY = "early"
    """The attempt is not known to be taken; it is applied as soon as it is."""
    NOTED = "noted"
    """On record, and nothing moved: it names nothing of this shop's, or does nothing."""
    DUPLICATE = "duplicate"
    """It was on record already."""


@dataclass(frozen=True, slots=True)
class BounceRow:
    """A bounce on record, with what it does, and when it was done."""

    id: int
    shop: str
    message: str | None
    mail: str | None
    attempt: str
    recipient: str
    sha256: bytes
    received_at: datetime
    kind: str
    signed: bool
    status: str | None
    reason: str
    hard: bool
    fault: Fault
    text: str
    facts: Mapping[str, Any]
    moves_to: MailState | None
    why: str | None
    suppress: bool
    applied_at: datetime | None
    watched_at: datetime | None


async def record(
    conn: AsyncConnection, bounce: Bounce, effect: Effect, *, at: datetime
) -> Recorded:
    """Store the bounce and apply its effect, once.

    The attempt, or the mail, must be the shop's own, else the bounce is stored and moves nothing.
    """
    return await conn.run_sync(_record, bounce, effect, at)


async def of_mail(conn: AsyncConnection, mail: str, *, shop: str | None = None) -> list[BounceRow]:
    """What came back of a mail, in order."""
    wanted = select(bounces).where(bounces.c.mail == mail, _of(shop))
    return await _all(conn, wanted.order_by(bounces.c.received_at, bounces.c.id))


async def recent(conn: AsyncConnection, *, shop: str | None, limit: int) -> list[BounceRow]:
    """What came back last, the newest first."""
    wanted = select(bounces).where(_of(shop))
    newest_first = wanted.order_by(bounces.c.received_at.desc(), bounces.c.id.desc())
    return await _all(conn, newest_first.limit(limit))


async def how_many(conn: AsyncConnection, shop: str, attempt: str, *, since: datetime) -> int:
    """How many are on record of an attempt since then; "" for those that name none."""
    mine = bounces.c.shop == shop, bounces.c.attempt == attempt, bounces.c.received_at >= since
    return (await conn.execute(select(func.count()).where(*mine))).scalar_one()


async def sent_as(
    conn: AsyncConnection, shop: str, message_id: str, recipient: str | None = None
) -> list[str]:
    """The shop's mails of this Message-ID, and of this recipient if it is known: their ids."""
    mine = messages.c.shop == shop, messages.c.message_id == message_id
    found = select(mails.c.id, mails.c.recipient).join_from(mails, messages).where(*mine)
    rows = (await conn.execute(found.order_by(mails.c.received_at, mails.c.id))).all()
    return [row.id for row in rows if recipient is None or _same(row.recipient, recipient)]


def apply_early(conn: Connection, of: Sequence[str], at: datetime) -> None:
    """Apply what waits for the record that these mails' attempts were taken, or are in doubt."""
    for row in conn.execute(_early, {"of": list(of)}).all():
        _apply(conn, row, at)


def _record(conn: Connection, bounce: Bounce, effect: Effect, at: datetime) -> Recorded:
    mail = _mail_of(conn, bounce)
    does = mail is not None and (effect.mail is not None or effect.suppress)
    told = {part.name: getattr(bounce, part.name) for part in fields(Bounce)}
    told |= {"mail": mail, "attempt": bounce.attempt or "", "applied_at": None if does else at}
    stored = conn.execute(
        insert(conn, bounces)
        .values(**told, moves_to=effect.mail, why=effect.why, suppress=effect.suppress)
        .on_conflict_do_nothing(index_elements=["shop", "attempt", "recipient", "sha256"])
        .returning(bounces)
    )
    row = stored.first()
    if row is None:
        return Recorded.DUPLICATE
    return _apply(conn, row, at) if does else Recorded.NOTED


def _mail_of(conn: Connection, bounce: Bounce) -> str | None:
    """The mail that the bounce is about, if it is the shop's."""
    if bounce.attempt:
        query = select(attempts.c.mail).where(attempts.c.id == bounce.attempt)
        return conn.execute(query.where(attempts.c.shop == bounce.shop)).scalar()
    query = select(mails.c.id).where(mails.c.id == bounce.mail, mails.c.shop == bounce.shop)
    return conn.execute(query).scalar()


def _apply(conn: Connection, row: Row[Any], at: datetime) -> Recorded:
    """Do what the bounce does, unless its attempt may still be refused, or sent again."""
    own = _attempts_of(conn, row.mail)
    sent = [one for one in own if one.tries and row.attempt in {one.id, ""}]
    about, newest = sent[-1] if sent else None, own[-1] if own else None
    if about and about.state in LIVE:
        return Recorded.EARLY
    conn.execute(update(bounces).where(bounces.c.id == row.id).values(applied_at=at))
    if own and not about:  # never sent: then nothing of it comes back
        return Recorded.NOTED
    if about and row.moves_to:
        _show(conn, about.id, _SHOWS[row.moves_to], row.why)
    if row.moves_to and about is newest:
        _move(conn, row, at)
    if row.suppress:
        _suppress(conn, row, at)
    return Recorded.APPLIED


def _attempts_of(conn: Connection, mail: str) -> list[Row[Any]]:
    """The mail's attempts in order; nobody else moves them before the transaction ends."""
    columns = attempts.c.id, attempts.c.state, attempts.c.tries
    query = select(*columns).where(attempts.c.mail == mail).order_by(attempts.c.n)
    return list(conn.execute(query.with_for_update(key_share=True)))


def _show(conn: Connection, attempt: str, new: AttemptState, why: str | None) -> None:
    may = attempts.c.state.in_(ATTEMPT.sources(new))
    conn.execute(update(attempts).where(attempts.c.id == attempt, may).values(state=new, why=why))


def _move(conn: Connection, row: Row[Any], at: datetime) -> None:
    """An attempt that another one followed says nothing of its mail any more."""
    may = mails.c.state.in_(ORDER_MAIL.sources(row.moves_to))
    facts = {"state": row.moves_to, "why": row.why, "changed_at": at}
    conn.execute(update(mails).where(mails.c.id == row.mail, may).values(**facts))


def _suppress(conn: Connection, row: Row[Any], at: datetime) -> None:
    query = select(mails.c.recipient).where(mails.c.id == row.mail)
    address = folded(conn.execute(query).scalar_one())
    facts = {"reason": row.reason, "since": at, "by": BY_BOUNCE, "mail": row.mail}
    conn.execute(
        insert(conn, suppressions)
        .values(shop=row.shop, address=address, **facts)
        .on_conflict_do_nothing(index_elements=["shop", "address"])
    )


def _same(address: str, other: str) -> bool:
    """Servers return addresses in either case."""
    return address.casefold() == other.casefold()


def _of(shop: str | None) -> ColumnElement[bool]:
    return true() if shop is None else bounces.c.shop == shop


async def _all(conn: AsyncConnection, query: Select[Any]) -> list[BounceRow]:
    return [BounceRow(**row) for row in (await conn.execute(query)).mappings()]
