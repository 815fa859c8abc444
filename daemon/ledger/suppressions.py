"""Addresses that a shop writes to no more, because they bounced or a person says so.

The local part is compared as it is written, for only its own server knows what it means (RFC 5321
section 2.4); the domain without regard to case.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select, true

from daemon.ledger.conflict import insert
from daemon.ledger.schema import suppressions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address on a shop's list; `by` is a person's name or "bounce", `mail` whose bounce."""

    shop: str
    address: str
    reason: str
    since: datetime
    by: str
    mail: str | None = None


async def add(conn: AsyncConnection, row: Suppression) -> bool:
    """Put the address on the list; False when it is there already, and stays as it is."""
    stored = await conn.execute(
        insert(conn, suppressions)
        .values(**asdict(replace(row, address=folded(row.address))))
        .on_conflict_do_nothing(index_elements=["shop", "address"])
        .returning(suppressions.c.address)
    )
    return stored.first() is not None


async def remove(conn: AsyncConnection, shop: str, address: str) -> bool:
    """Take the address off the list; False when it was not there."""
    gone = await conn.execute(delete(suppressions).where(*_the(shop, address)))
    return gone.rowcount == 1


async def holds(conn: AsyncConnection, shop: str, address: str) -> bool:
    """Whether the address is on the shop's list."""
    return bool((await conn.execute(select(exists().where(*_the(shop, address))))).scalar())


async def all(conn: AsyncConnection, *, shop: str | None = None) -> list[Suppression]:  # noqa: A001 - read with its module's name
    """The shop's list, or everybody's for None, the newest first."""
    wanted = true() if shop is None else suppressions.c.shop == shop
    newest = select(suppressions).where(wanted).order_by(suppressions.c.since.desc())
    rows = await conn.execute(newest.order_by(suppressions.c.shop, suppressions.c.address))
    return [Suppression(**row) for row in rows.mappings()]


def folded(address: str) -> str:
    """The address as the list keeps it: its domain in lower case."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def _the(shop: str, address: str) -> tuple[ColumnElement[bool], ...]:
    return suppressions.c.shop == shop, suppressions.c.address == folded(address)
