"""What a ledger says in the end, beside what the clients and the next server saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from daemon.ledger import schema
from daemon.ledger.database import Ledger
from daemon.lifecycles.attempt import IN_HAND, LIVE
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Books:
    """By Message-ID: how many copies are stored, how many attempts were made, the mail's state."""

    copies: Mapping[str, int]
    attempts: Mapping[str, int]
    states: Mapping[str, str]
    in_hand: int
    """Attempts that a sender holds."""

    def doubtful(self) -> set[str]:
        """Mails of which nobody knows whether they arrived."""
        return {name for name, state in self.states.items() if state == MailState.IN_DOUBT}

    def lost(self, came: Mapping[str, int]) -> set[str]:
        """Mails that did not arrive, and are not known to be in doubt."""
        return {name for name in self.copies if not came.get(name)} - self.doubtful()

    def doubled(self) -> set[str]:
        """Messages that are stored more than once."""
        return {name for name, copies in self.copies.items() if copies > 1}

    def not_one_attempt(self) -> set[str]:
        """Messages with any other number of outgoing mails than one."""
        return {name for name, count in self.attempts.items() if count != 1}

    def unsettled(self) -> set[str]:
        """Mails that neither count as sent nor as in doubt."""
        settled = {MailState.WATCHED, MailState.IN_DOUBT}
        return {name for name, state in self.states.items() if state not in settled}


def twice(came: Mapping[str, int]) -> set[str]:
    """Mails that arrived more than once."""
    return {name for name, times in came.items() if times > 1}


async def read(url: str) -> Books:
    """As the database says it to somebody who opens it now."""
    ledger = await Ledger.open(url)
    try:
        async with ledger.read() as conn:
            return await _read(conn)
    finally:
        await ledger.close()


async def _read(conn: AsyncConnection) -> Books:
    message_id = schema.messages.c.message_id
    copies = Counter((await conn.execute(select(message_id))).scalars())
    mails = await conn.execute(
        select(message_id, schema.mails.c.state, func.count(schema.attempts.c.id))
        .select_from(schema.messages)
        .join(schema.mails)
        .outerjoin(schema.attempts, schema.attempts.c.mail == schema.mails.c.id)
        .group_by(message_id, schema.mails.c.id, schema.mails.c.state)
    )
    attempts: Counter[str] = Counter()
    states = {}
    for name, state, count in mails:
        attempts[name] += count
        states[name] = state
    held = select(func.count()).where(schema.attempts.c.state.in_(IN_HAND))
    return Books(copies, attempts, states, int((await conn.execute(held)).scalar_one()))


async def waiting(ledger: Ledger) -> int:
    """Attempts that may still send."""
    live = select(func.count()).where(schema.attempts.c.state.in_(LIVE))
    async with ledger.read() as conn:
        return int((await conn.execute(live)).scalar_one())
