"""Orders, as far as their receipts tell of them. `shop` None asks for everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, case, func, select, true

from daemon.ledger.conflict import insert_for
from daemon.ledger.schema import orders

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.dml import ReturningInsert


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order as a message names it; `matched_by` says by what it was found."""

    number: str
    matched_by: str
    customer: str | None = None
    customer_name: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order. `customer` is an address, the first that a receipt named."""

    id: str
    shop: str
    number: str
    customer: str | None
    customer_name: str | None
    first_seen_at: datetime


def upsert(conn: Connection, order: str, *, shop: str, found: FoundOrder, at: datetime) -> str:
    """The id of the shop's order of this number: `order`, if it was not on record yet.

    What is known of it stays; what was not known yet is added.
    """
    row = {
        "id": order,
        "shop": shop,
        "number": found.number,
        "customer": found.customer,
        "customer_name": found.customer_name,
        "first_seen_at": at,
    }
    return str(conn.execute(_upsertion(conn.dialect), row).scalar_one())


@lru_cache(maxsize=2)
def _upsertion(dialect: Dialect) -> ReturningInsert[tuple[str]]:
    fresh = insert_for(dialect, orders)
    theirs, ours = fresh.excluded, orders.c
    earlier = case((theirs.first_seen_at < ours.first_seen_at, theirs.first_seen_at))
    completed = {
        "customer": func.coalesce(ours.customer, theirs.customer),
        "customer_name": func.coalesce(ours.customer_name, theirs.customer_name),
        "first_seen_at": func.coalesce(earlier, ours.first_seen_at),
    }
    kept = fresh.on_conflict_do_update(index_elements=["shop", "number"], set_=completed)
    return kept.returning(orders.c.id)


async def get(conn: AsyncConnection, order: str, *, shop: str | None = None) -> OrderRow | None:
    """The order; None when there is none, or when it is another shop's."""
    found = await _all(conn, select(orders).where(orders.c.id == order, _of(shop)))
    return found[0] if found else None


async def by_number(
    conn: AsyncConnection, number: str, *, shop: str | None = None
) -> tuple[OrderRow, ...]:
    """The orders of this number: one at the most for a shop, one for each when asked for all."""
    wanted = select(orders).where(orders.c.number == number, _of(shop))
    return await _all(conn, wanted.order_by(orders.c.shop))


async def list(  # noqa: A001 - read with its module's name
    conn: AsyncConnection, *, shop: str | None, limit: int
) -> tuple[OrderRow, ...]:
    """The orders first seen last, the newest first."""
    newest = select(orders).where(_of(shop)).order_by(orders.c.first_seen_at.desc(), orders.c.id)
    return await _all(conn, newest.limit(limit))


def _of(shop: str | None) -> ColumnElement[bool]:
    return true() if shop is None else orders.c.shop == shop


async def _all(conn: AsyncConnection, query: Select[Any]) -> tuple[OrderRow, ...]:
    return tuple(OrderRow(**row) for row in (await conn.execute(query)).mappings())
