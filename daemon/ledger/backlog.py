"""What order mail waits for, by route and by shop. `shop` None asks for everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, select, true, type_coerce

from daemon.ledger.columns import Instant
from daemon.ledger.schema import MAY_SEND, attempts, mails
from daemon.lifecycles.attempt import IN_HAND, WAITING
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

STUCK = (MailState.HELD, MailState.IN_DOUBT)
"""States of a mail that only a person ends."""


@dataclass(frozen=True, slots=True)
class RouteBacklog:
    """A route's attempts that are not over; `oldest_at` is when the first of them was queued.

    `next_due_at` is of those that wait, and may be past: they are due.
    """

    shop: str
    route: str
    waiting: int
    in_hand: int
    oldest_at: datetime
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A shop's mails in a state that only a person ends, and when the first of them came in."""

    shop: str
    state: MailState
    mails: int
    oldest_at: datetime


async def by_route(conn: AsyncConnection, *, shop: str | None = None) -> list[RouteBacklog]:
    """Every route by which something is to be sent, in the order of their names."""
    waits, in_hand = (attempts.c.state.in_(sorted(states)) for states in (WAITING, IN_HAND))
    counted = select(
        attempts.c.shop,
        attempts.c.route,
        func.count().filter(waits).label("waiting"),
        func.count().filter(in_hand).label("in_hand"),
        _first(attempts.c.queued_at).label("oldest_at"),
        type_coerce(func.min(attempts.c.due_at).filter(waits), Instant).label("next_due_at"),
    )
    wanted = counted.where(MAY_SEND, _of(attempts.c.shop, shop))
    each = wanted.group_by(attempts.c.shop, attempts.c.route)
    return [RouteBacklog(**row) for row in await _rows(conn, each)]


async def stuck(conn: AsyncConnection, *, shop: str | None = None) -> list[Stuck]:
    """Every shop's mails that wait for a person, by state."""
    counted = select(
        mails.c.shop,
        mails.c.state,
        func.count().label("mails"),
        _first(mails.c.received_at).label("oldest_at"),
    )
    wanted = counted.where(mails.c.state.in_(STUCK), _of(mails.c.shop, shop))
    return [Stuck(**row) for row in await _rows(conn, wanted.group_by(mails.c.shop, mails.c.state))]


def _first(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The least of an instant; SQLite's MIN() has no type of its own."""
    return type_coerce(func.min(column), Instant)


def _of(column: ColumnElement[Any], shop: str | None) -> ColumnElement[bool]:
    return true() if shop is None else column == shop


async def _rows(conn: AsyncConnection, each: Select[Any]) -> list[Any]:
    first, second = list(each.selected_columns)[:2]
    return list((await conn.execute(each.order_by(first, second))).mappings())
