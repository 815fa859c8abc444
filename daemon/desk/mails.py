"""What a person does about a receipt that came to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.desk.refusal import NotDone
from daemon.ledger import attempts, mails, messages, suppressions
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.order_mail import ON_ITS_WAY, ORDER_MAIL, MailState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.mails import MailRow

MAY_BE_SENT_AGAIN = frozenset(ORDER_MAIL.sources(MailState.RECEIVED))


async def may_send_again(conn: AsyncConnection, mail: str, *, shop: str | None = None) -> MailRow:
    """The mail, if a person may have it sent again; raises NotDone."""
    row = await mails.get(conn, mail, shop=shop)
    if row is None:
        raise NotDone(f"There is no mail {mail!a}.")
    if row.state not in MAY_BE_SENT_AGAIN:
        raise NotDone(f"Mail {mail} is not sent again: {_because(row.state)}")
    message = await messages.get(conn, row.message, shop=shop)
    if message is None or message.mode is not IntakeMode.RELAY:
        raise NotDone(f"Mail {mail} came as a copy: the shop sends its receipts itself.")
    if await messages.raw(conn, row.message, shop=shop) is None:
        raise NotDone(f"The text of mail {mail} is no longer kept.")
    if await suppressions.holds(conn, row.shop, row.recipient):
        raise NotDone(
            f"{row.recipient} is on the list of {row.shop} of addresses that it writes to no more; "
            "take it off first."
        )
    return row


async def send_again(
    conn: AsyncConnection,
    mail: str,
    *,
    route: str,
    at: datetime,
    expires_at: datetime,
    by: str,
    shop: str | None = None,
) -> str:
    """Queue the mail once more, by this route of its shop; the attempt's id. Raises NotDone."""
    row = await may_send_again(conn, mail, shop=shop)
    attempt = await attempts.again(
        conn, mail, shop=row.shop, route=route, by=by, at=at, expires_at=expires_at
    )
    if attempt is None:
        raise NotDone(f"Mail {mail} is being sent, or somebody else was first: look at it again.")
    return attempt


def _because(state: MailState) -> str:
    if state in ON_ITS_WAY:
        return "it is on its way."
    return f"it is {state.replace('_', ' ')}, and nothing says that it was lost."
