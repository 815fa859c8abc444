"""Taking what is due: by one claimer only, however many ask at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from daemon.ledger.among import among
from daemon.ledger.attempts.rows import Claimed
from daemon.ledger.schema import AWAITED, attempts, mails, messages, suppressions
from daemon.ledger.suppressions import folded
from daemon.lifecycles.attempt import AttemptState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

# materialised: PostgreSQL might else run it more than once, and take more than was asked for
_due = (
    select(attempts.c.id)
    .where(AWAITED, attempts.c.due_at <= bindparam("now"))
    .order_by(attempts.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
    .prefix_with("MATERIALIZED")
)
_take = (
    update(attempts)
    .where(attempts.c.id.in_(select(_due.c.id)))
    .values(state=AttemptState.CLAIMED, fence=attempts.c.fence + 1, why=None)
    .values(holder=bindparam("by"), lease_until=bindparam("until"))
    .returning(attempts.c.id)
)
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
    )
    .join_from(attempts, mails, attempts.c.mail == mails.c.id)
    .join(messages, mails.c.message == messages.c.id)
    .order_by(attempts.c.due_at)
)


async def claim(
    conn: AsyncConnection, *, holder: str, now: datetime, lease_until: datetime, limit: int
) -> list[Claimed]:
    """Take at most `limit` attempts that are due, the longest due first.

    Each is `holder`'s until `lease_until`, or until it is settled; nobody else gets it meanwhile.
    """
    terms = {"now": now, "most": limit, "by": holder, "until": lease_until}
    taken = list((await conn.execute(_take, terms)).scalars())
    if not taken:
        return []
    query = _whole.where(among(conn, attempts.c.id, "taken"))
    rows = (await conn.execute(query, {"taken": taken})).mappings().all()
    listed = await _suppressed(conn, {folded(row["recipient"]) for row in rows})
    return [_claimed(row, listed) for row in rows]


async def _suppressed(conn: AsyncConnection, addresses: set[str]) -> set[tuple[str, str]]:
    """Which (shop, address) are on a list."""
    listed = select(suppressions.c.shop, suppressions.c.address).where(
        among(conn, suppressions.c.address, "addresses")
    )
    rows = await conn.execute(listed, {"addresses": sorted(addresses)})
    return {(shop, address) for shop, address in rows}


def _claimed(row: Any, listed: set[tuple[str, str]]) -> Claimed:  # noqa: ANN401 - SQLAlchemy's mapping
    return Claimed(**row, suppressed=(row["shop"], folded(row["recipient"])) in listed)
