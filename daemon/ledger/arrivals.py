"""Takes messages in: each with its text, its mails and their first attempts, or nothing of it.

A client that never saw our 250 brings the same message again. It is known by its `dedupe`, which
is UNIQUE in the database: whichever process and batch it comes to, it is stored once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from daemon.ledger.among import among
from daemon.ledger.bulk import insert_many
from daemon.ledger.failures import LedgerError
from daemon.ledger.group_commit import GroupCommit
from daemon.ledger.ids import next_id
from daemon.ledger.schema import attempts, mails, message_raws, messages
from daemon.ledger.states import AttemptCause, Reading
from daemon.lifecycles.arrival import Arrival, IntakeMode, Taken
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from daemon.ledger.database import Ledger

    Row = dict[str, Any]

LIFE = timedelta(days=5)
"""How long a mail is tried, unless told otherwise (RFC 5321, section 4.5.4.1)."""

_OF_ARRIVAL = (
    *("shop", "mode", "mail_from", "recipients", "client", "helo", "login", "message_id"),
    *("dedupe", "sha256", "smtputf8", "received_at"),
)


class Arrivals:
    """What a listener hands its messages to.

    `routes` names for each shop the route of its first attempts; an attempt has `life` to succeed.
    A RELAY's mails are queued. A COPY's and a BOUNCE's recipients are our own addresses: they are
    read for what they are about, and nothing is sent.
    """

    def __init__(
        self, ledger: Ledger, *, routes: Mapping[str, str], life: timedelta = LIFE
    ) -> None:
        self._routes, self._life = dict(routes), life
        self._commits = GroupCommit(ledger, self._store)

    async def take(self, arrival: Arrival) -> Taken:
        """Make a message durable, unless it is.

        Raises LedgerFull or LedgerError within 2 seconds; the message may be durable all the same,
        and is a duplicate when it comes again. Raises KeyError when its shop has no route.
        """
        return await self._commits.submit(arrival)

    async def close(self) -> None:
        """Take nothing more, and wait for what was handed over."""
        await self._commits.close()

    def _store(self, conn: Connection, arrivals: Sequence[Arrival]) -> list[Taken]:
        new = {next_id(): arrival for arrival in arrivals}
        stored = _store_new(conn, new)
        raws = [{"message": message, "raw": arrival.raw} for message, arrival in stored.items()]
        insert_many(conn, message_raws, raws)
        queued = [
            pair for message, arrival in stored.items() for pair in self._mails(message, arrival)
        ]
        insert_many(conn, mails, [mail for mail, _ in queued])
        insert_many(conn, attempts, [attempt for _, attempt in queued])
        earlier = _ids(conn, [arrival for message, arrival in new.items() if message not in stored])
        return [
            Taken(message, duplicate=False)
            if message in stored
            else Taken(earlier[arrival.shop, arrival.dedupe], duplicate=True)
            for message, arrival in new.items()
        ]

    def _mails(self, message: str, arrival: Arrival) -> Iterator[tuple[Row, Row]]:
        """A mail and its first attempt for every recipient, as rows."""
        if arrival.mode is IntakeMode.RELAY:
            route = self._routes[arrival.shop]
            for recipient in dict.fromkeys(arrival.recipients):
                mail = _mail(message, arrival, recipient)
                yield mail, _attempt(mail, route, self._life)


def _store_new(conn: Connection, new: Mapping[str, Arrival]) -> dict[str, Arrival]:
    """Store those that are not there yet, and return them by their ids."""
    # two processes that store the same messages wait for each other in one order, not in circles
    in_order = sorted(new.items(), key=lambda pair: (pair[1].shop, pair[1].dedupe))
    rows = [_message(message, arrival) for message, arrival in in_order]
    insert_many(conn, messages, rows, unless_taken=("shop", "dedupe"))
    ours = select(messages.c.id).where(among(messages.c.id, "ids"))
    stored = set(conn.execute(ours, {"ids": list(new)}).scalars())
    return {message: arrival for message, arrival in new.items() if message in stored}


def _ids(conn: Connection, duplicates: Iterable[Arrival]) -> dict[tuple[str, bytes], str]:
    """The ids under which they are stored; raises LedgerError when one was forgotten just now."""
    found = {}
    for arrival in duplicates:
        key = messages.c.shop == arrival.shop, messages.c.dedupe == arrival.dedupe
        message = conn.execute(select(messages.c.id).where(*key)).scalar()
        if message is None:
            raise LedgerError("The ledger failed: a message was forgotten while it came again.")
        found[arrival.shop, arrival.dedupe] = message
    return found


def _message(message: str, arrival: Arrival) -> Row:
    row = {name: getattr(arrival, name) for name in _OF_ARRIVAL}
    return {"id": message, "size": len(arrival.raw), "reading": Reading.PENDING, **row}


def _mail(message: str, arrival: Arrival, recipient: str) -> Row:
    return {
        "id": next_id(),
        "message": message,
        "shop": arrival.shop,
        "recipient": recipient,
        "generation": 1,
        "state": MailState.RECEIVED,
        "received_at": arrival.received_at,
        "changed_at": arrival.received_at,
    }


def _attempt(mail: Row, route: str, life: timedelta) -> Row:
    at = mail["received_at"]
    return {
        "id": next_id(),
        "mail": mail["id"],
        "n": 1,
        "shop": mail["shop"],
        "route": route,
        "cause": AttemptCause.FIRST,
        "state": AttemptState.QUEUED,
        "queued_at": at,
        "due_at": at,
        "expires_at": at + life,
        "tries": 0,
        "fence": 0,
    }
