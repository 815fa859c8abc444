"""Which mail of ours a message is about that came back, and how surely.

A return path that we signed names the attempt, and proves it: nobody but those whom we sent it to
knows the signature. Without one, a Message-ID that we sent to this very recipient must do, and only
where the mail went out by a route that signs no return paths: whatever comes back of the others
comes back to a signed one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.ledger import attempts, bounces, mails
from daemon.rulings.bounces import Link
from probes.return_path import ID, SIGNATURE, is_ours, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.intake.bounces.verdict import Bounce, Failure
    from daemon.ledger.attempts import AttemptRow
    from daemon.ledger.mails import MailRow
    from daemon.ledger.messages import Unread

LONGEST = 1024 * 1024
"""Octets of a message that are looked at."""
MOST_PATHS = 20
MOST_RECIPIENTS = 20
"""Of those that one bounce names, and that are looked for."""


@dataclass(frozen=True, slots=True)
class Paths:
    """A shop's return paths.

    `base` is what the signed ones are made of, None where it has none; `own` are all the addresses
    that its mail comes from, which never fail; `signing` the routes that sign.
    """

    base: str | None = None
    own: tuple[str, ...] = ()
    signing: frozenset[str] = frozenset()

    def named_by(self, message: Unread, key: bytes) -> str | None:
        """The attempt whose return path the message came to, or returns; signed with `key`."""
        return next(
            (a for path in self._paths(message) if (a := opened(path, key)) is not None), None
        )

    def forged(self, message: Unread, key: bytes) -> bool:
        """Whether it came to what looks like one of our return paths, and to none that is."""
        bases = (self.base,) if self.base else ()
        looks = [address for address in message.recipients if is_ours(address, bases)]
        return bool(looks) and not any(opened(address, key) for address in looks)

    def _paths(self, message: Unread) -> Iterator[str]:
        if self.base is None:
            return
        yield from (address for address in message.recipients if is_ours(address, (self.base,)))
        local, _, domain = self.base.encode().rpartition(b"@")
        path = rb"%s\+[0-9a-z]{%d}@%s(?![\w.-])" % (
            re.escape(local),
            ID + SIGNATURE,
            re.escape(domain),
        )
        quoted = re.finditer(path, message.raw[:LONGEST], re.IGNORECASE)
        for _, match in zip(range(MOST_PATHS), quoted, strict=False):
            yield match[0].decode("ascii")


@dataclass(frozen=True, slots=True)
class Linked:
    """One recipient's failure, and the mail it is about, None when that is not known.

    `attempt` is the id that a signed return path names; `route` the one by which the mail went.
    """

    failure: Failure
    link: Link
    mail: MailRow | None = None
    attempt: str | None = None
    route: str | None = None


async def linked(
    conn: AsyncConnection, shop: str, paths: Paths, bounce: Bounce, attempt: str | None
) -> list[Linked]:
    """What each of the bounce's failures is about; `attempt` is the one that a signature names.

    Only ever the shop's own mail. A signed path was made for one recipient, so one failure is his.
    """
    if attempt is not None:
        return [await _signed(conn, shop, bounce, attempt)]
    named = bounce.recipients[:MOST_RECIPIENTS]
    return [await _by_message_id(conn, shop, paths, bounce, failure) for failure in named]


async def _signed(conn: AsyncConnection, shop: str, bounce: Bounce, attempt: str) -> Linked:
    row = await attempts.get(conn, attempt, shop=shop)
    mail = await mails.get(conn, row.mail, shop=shop) if row else None
    who = mail.recipient if mail else ""
    failure = next((f for f in bounce.recipients if _same(f.address, who)), bounce.recipients[0])
    return Linked(failure, Link.SIGNED, mail, attempt, row.route if row else None)


async def _by_message_id(
    conn: AsyncConnection, shop: str, paths: Paths, bounce: Bounce, failure: Failure
) -> Linked:
    unknown = Linked(failure, Link.ADDRESS)
    if bounce.original_message_id is None:
        return unknown
    who = failure.address or None
    sent = await bounces.sent_as(conn, shop, bounce.original_message_id, who)
    if not sent or (who is None and len(sent) > 1):
        return unknown
    went = await _last_attempt(conn, sent[-1])
    if went and went.route in paths.signing:
        return unknown
    mail = await mails.get(conn, sent[-1], shop=shop)
    return Linked(failure, Link.MESSAGE_ID, mail, route=went.route if went else None)


async def _last_attempt(conn: AsyncConnection, mail: str) -> AttemptRow | None:
    """None for a mail that the shop sent itself."""
    history = await attempts.history(conn, mail)
    return history[-1].attempt if history else None


def _same(address: str, other: str) -> bool:
    return address.casefold() == other.casefold()
