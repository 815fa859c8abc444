"""A receipt with all that is known of it, and its story."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.ledger import attempts, bounces, mails, messages, orders
from daemon.rulings.timeline import Receipt, Return, Sending, Step, Try, timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.attempts import Past
    from daemon.ledger.bounces import BounceRow
    from daemon.ledger.mails import MailRow
    from daemon.ledger.messages import MessageRow
    from daemon.ledger.orders import OrderRow
    from daemon.lifecycles.order_mail import MailState

MOST = 10_000
"""The newest receipts among which those in one state are looked for."""

Facts = TypeVar("Facts", Receipt, Return, Sending, Try)


@dataclass(frozen=True, slots=True)
class Case:
    """One receipt to one customer: the message, how it was sent, and what came back."""

    mail: MailRow
    message: MessageRow
    past: tuple[Past, ...]
    returns: tuple[BounceRow, ...]

    def steps(self, shown: Callable[[datetime], str]) -> list[Step]:
        """Its story, oldest first; `shown` writes an instant for the reader."""
        receipt = _facts(Receipt, self.message, recipient=self.mail.recipient)
        returns = [_facts(Return, row) for row in self.returns]
        return timeline(receipt, [_sending(past) for past in self.past], returns, shown)


@dataclass(frozen=True, slots=True)
class Listed:
    """A receipt as a list shows it; `order` is None where the receipt names none."""

    mail: MailRow
    message: MessageRow
    order: OrderRow | None


async def listed(
    conn: AsyncConnection,
    text: str,
    *,
    state: MailState | None = None,
    shop: str | None = None,
    limit: int,
) -> list[Listed]:
    """The newest receipts in which the text stands, and of those in this state the newest."""
    looked_at = limit if state is None else MOST
    found = await mails.search(conn, text, shop=shop, limit=looked_at)
    fitting = [mail for mail in found if state in {None, mail.state}][:limit]
    told = [await _listed(conn, mail, shop) for mail in fitting]
    return [one for one in told if one]


async def _listed(conn: AsyncConnection, mail: MailRow, shop: str | None) -> Listed | None:
    message = await messages.get(conn, mail.message, shop=shop)
    order = await orders.get(conn, mail.order, shop=shop) if mail.order else None
    return Listed(mail, message, order) if message else None


async def case(conn: AsyncConnection, mail: MailRow, *, shop: str | None = None) -> Case | None:
    """All about a mail; None when it is another shop's."""
    message = await messages.get(conn, mail.message, shop=shop)
    if message is None:
        return None
    past = await attempts.history(conn, mail.id, shop=shop)
    returns = await bounces.of_mail(conn, mail.id, shop=shop)
    return Case(mail, message, tuple(past), tuple(returns))


async def cases_of_order(
    conn: AsyncConnection, order: str, *, shop: str | None = None
) -> list[Case]:
    """All about an order's receipts, in the order in which they came."""
    found = [
        await case(conn, mail, shop=shop) for mail in await mails.of_order(conn, order, shop=shop)
    ]
    return [one for one in found if one]


def _sending(past: Past) -> Sending:
    return _facts(Sending, past.attempt, tries=tuple(_facts(Try, row) for row in past.tries))


def _facts(kind: type[Facts], row: object, **known: Any) -> Facts:
    """The row's own columns, as far as the story needs them."""
    named = (part.name for part in fields(kind) if part.name not in known)
    return kind(**{name: getattr(row, name) for name in named}, **known)
