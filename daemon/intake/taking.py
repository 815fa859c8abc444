"""From the last dot to the reply: the message is made, stored, and told of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from daemon.intake import replies
from daemon.intake.content import MOST_IN_MEMORY
from daemon.intake.house import Event
from daemon.intake.message import Envelope, arrival
from daemon.intake.replies import Refused
from daemon.intake.store import NoRoom, NotNow

if TYPE_CHECKING:
    from daemon.intake.content import Content
    from daemon.intake.house import House
    from daemon.intake.replies import Reply
    from daemon.intake.transaction import Transaction
    from daemon.lifecycles.arrival import Arrival, Taken


class Bringer(NamedTuple):
    """Who brings a message, and how."""

    client: str
    helo: str
    login: str | None
    protocol: str


async def take(house: House, transaction: Transaction, content: Content, bringer: Bringer) -> Reply:
    """Store the message; 250 only once it is durable."""
    size = content.size
    async with house.turn(size):
        try:
            made = await _made(house, transaction, content, bringer)
            taken = await house.store(made)
        except Refused as refusal:
            reply = refusal.reply
        except NoRoom:
            reply = replies.NO_ROOM
        except NotNow:
            reply = replies.NOT_NOW
        except Exception:
            house.log.exception("mail could not be stored", client=bringer.client)
            reply = replies.NOT_NOW
        else:
            return _told(house, transaction, made, taken)
    return refused(house, reply, transaction, bringer, size=size)


def refused(
    house: House,
    reply: Reply,
    transaction: Transaction | None,
    bringer: Bringer,
    **facts: object,
) -> Reply:
    """Tell of a message or a recipient that was not taken; returns the reply."""
    house.tell(
        Event.PUT_OFF if reply.code < 500 else Event.REFUSED,
        transaction.shop if transaction else None,
        client=bringer.client,
        login=bringer.login,
        mail_from=transaction.mail_from if transaction else None,
        reply=f"{reply.code} {reply.status} {reply.text}",
        **facts,
    )
    return reply


async def _made(
    house: House, transaction: Transaction, content: Content, bringer: Bringer
) -> Arrival:
    def make() -> Arrival:
        return arrival(
            envelope, content.read(), rules=house.rules, hostname=house.hostname, now=now
        )

    envelope, now = _envelope(transaction, bringer), house.now()
    return make() if content.size <= MOST_IN_MEMORY else await asyncio.to_thread(make)


def _envelope(transaction: Transaction, bringer: Bringer) -> Envelope:
    if transaction.purpose is None:
        raise ValueError("a message without a recipient")
    return Envelope(
        purpose=transaction.purpose,
        mail_from=transaction.mail_from,
        recipients=tuple(transaction.rcpt_tos),
        client=bringer.client,
        helo=bringer.helo,
        login=bringer.login,
        protocol=bringer.protocol,
        smtputf8=transaction.smtp_utf8,
    )


def _told(house: House, transaction: Transaction, made: Arrival, taken: Taken) -> Reply:
    house.tell(
        Event.DUPLICATE if taken.duplicate else Event.TAKEN,
        made.shop,
        mode=made.mode,
        client=made.client,
        login=made.login,
        mail_from=made.mail_from,
        recipients=len(transaction.rcpt_tos),
        message_id=made.message_id,
        size=len(made.raw),
        message=taken.message,
    )
    return replies.queued(taken.message)
