"""Taking what is due: by one claimer only, however many ask at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, select, update

from daemon.ledger.among import among
from daemon.ledger.attempts.rows import Claimed
from daemon.ledger.schema import AWAITED, attempts, mails, message_raws, messages, suppressions
from daemon.ledger.suppressions import folded
from daemon.lifecycles.attempt import AttemptState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.dml import ReturningUpdate

_IS_DUE = AWAITED, attempts.c.due_at <= bindparam("now")
_BY_ROUTE = attempts.c.shop == bindparam("of_shop"), attempts.c.route == bindparam("by_route")


def _taking(*conditions: ColumnElement[bool]) -> ReturningUpdate[Any]:
    first = select(attempts.c.id).where(*conditions).order_by(attempts.c.due_at)
    most = first.limit(bindparam("most")).with_for_update(skip_locked=True)
    # materialised: PostgreSQL might else run it more than once, and take more than was asked for
    due = most.cte("due").prefix_with("MATERIALIZED")
    return (
        update(attempts)
        .where(attempts.c.id.in_(select(due.c.id)))
        .values(state=AttemptState.CLAIMED, fence=attempts.c.fence + 1, why=None)
        .values(holder=bindparam("by"), lease_until=bindparam("until"))
        .returning(attempts.c.id)
    )


_take = _taking(*_IS_DUE)
_take_by_route = _taking(*_IS_DUE, *_BY_ROUTE)
_of_attempts = ("mail", "shop", "route", "n", "tries", "fence", "cause", "expires_at")
_of_messages = ("mail_from", "message_id", "smtputf8", "size", "received_at")
_whole = (
    select(
        attempts.c.id.label("attempt"),
        *(attempts.c[name] for name in _of_attempts),
        mails.c.message,
        mails.c.recipient,
        mails.c.generation,
        *(messages.c[name] for name in _of_messages),
        message_raws.c.raw.label("text"),
    )
    .join_from(attempts, mails, attempts.c.mail == mails.c.id)
    .join(messages, mails.c.message == messages.c.id)
    .outerjoin(
        message_raws,
        and_(message_raws.c.message == messages.c.id, messages.c.size <= bindparam("small")),
    )
    .where(among(attempts.c.id, "taken"))
    .order_by(attempts.c.due_at)
)
_suppressions = select(suppressions.c.shop, suppressions.c.address).where(
    among(suppressions.c.address, "addresses")
)
_any_due = select(attempts.c.id).where(*_IS_DUE, *_BY_ROUTE).limit(1)
_ways = select(attempts.c.shop, attempts.c.route).where(AWAITED).distinct()


async def any_due(conn: AsyncConnection, way: tuple[str, str], now: datetime) -> bool:
    """Whether there is anything to claim for a (shop, route); asks without writing."""
    terms = {"of_shop": way[0], "by_route": way[1], "now": now}
    return (await conn.execute(_any_due, terms)).first() is not None


async def ways(conn: AsyncConnection) -> set[tuple[str, str]]:
    """The (shop, route) that attempts wait for, due or not."""
    return {(shop, route) for shop, route in await conn.execute(_ways)}


async def claim(conn: AsyncConnection, **terms: Any) -> list[Claimed]:
    """As `claim_now`."""
    return await conn.run_sync(partial(claim_now, **terms))


def claim_now(
    conn: Connection,
    *,
    holder: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    way: tuple[str, str] | None = None,
    with_text: int = 0,
) -> list[Claimed]:
    """Take at most `limit` attempts that are due, the longest due first; of one (shop, route) only.

    Each is `holder`'s until `lease_until`, or until it is settled; nobody else gets it meanwhile.
    Messages of at most `with_text` octets come with their text.
    """
    terms = {"now": now, "most": limit, "by": holder, "until": lease_until}
    if way:
        terms |= {"of_shop": way[0], "by_route": way[1]}
    taken = list(conn.execute(_take_by_route if way else _take, terms).scalars())
    if not taken:
        return []
    rows = conn.execute(_whole, {"taken": taken, "small": with_text}).mappings().all()
    listed = _suppressed(conn, {folded(row["recipient"]) for row in rows})
    return [_claimed(row, listed) for row in rows]


def _suppressed(conn: Connection, addresses: set[str]) -> set[tuple[str, str]]:
    """Which (shop, address) are on a list."""
    rows = conn.execute(_suppressions, {"addresses": sorted(addresses)})
    return {(shop, address) for shop, address in rows}


def _claimed(row: Any, listed: set[tuple[str, str]]) -> Claimed:  # noqa: ANN401 - SQLAlchemy's mapping
    return Claimed(**row, suppressed=(row["shop"], folded(row["recipient"])) in listed)
