"""Reads a shop's bounce mailbox by IMAP: each new message is taken in like one that SMTP brings.

The cursor moves on only when what was read is durable: whoever dies in between reads it again, and
it is known by its content. The mailbox is only ever read, and nothing in it is answered.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.intake.admission import Purpose
from daemon.intake.header import Header, read_header
from daemon.intake.identity import dedupe_key
from daemon.intake.replies import Refused
from daemon.ledger import mailboxes
from daemon.lifecycles.arrival import Arrival, IntakeMode
from daemon.rounds.mailbox_visits import Patience, Thread
from probes.mailbox import MailboxError
from probes.oauth import OAuthError
from probes.postbox import Postbox
from probes.return_path import is_ours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from concurrent.futures import Executor
    from datetime import datetime

    from daemon.lifecycles.arrival import Taken
    from daemon.rounds.surroundings import Surroundings
    from probes.mailbox import Account
    from probes.postbox import Collected

log = structlog.get_logger()

LOOK_EVERY_S = 60.0
"""Between looks, in the clock's seconds; where the server offers IDLE it tells of mail at once."""
MOST_ADDRESSES = 10
_NO_HEADER = Header((), 0, None)
# who wrote down to which address it came, the surest first
_DELIVERED = (b"delivered-to", b"x-original-to", b"envelope-to", b"x-envelope-to", b"to")


@dataclass(frozen=True, slots=True)
class BounceAccount:
    """Where a shop's bounces lie; `base` is what its signed return paths are made of.

    `credential` changes when the login does, and tells nothing else.
    """

    shop: str
    base: str
    account: Account
    credential: str

    @property
    def name(self) -> str:
        """What it is called among the mailboxes; no seed has a slash in its name."""
        return name_of(self.shop)


def name_of(shop: str) -> str:
    """What the bounce mailbox of a shop is called among the mailboxes."""
    return f"bounces/{shop}"


class BounceMailbox:
    """One shop's: `run_once` is one look, `run` looks for ever.

    `take` makes a message durable, and may raise LedgerError; then it is read again later.
    """

    def __init__(
        self,
        around: Surroundings,
        where: BounceAccount,
        take: Callable[[Arrival], Awaitable[Taken]],
        *,
        threads: Executor,
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._where, self._take_in = where, take
        self._patience = Patience(around, where.name, where.credential)
        self._thread = Thread(threads)
        self._postbox: Postbox | None = None

    @property
    def name(self) -> str:
        """What it is called among the mailboxes."""
        return self._where.name

    async def run(self, pulse: Callable[[], None]) -> None:
        """Look, wait for new mail or a minute, look again; rest after trouble."""
        while True:
            pulse()
            if await self.run_once():
                await self._wait()
            else:
                await self._clock.sleep(1)

    async def run_once(self) -> bool:
        """All that is new, stored; False when it failed, or the mailbox is left in peace."""
        if await self._patience.resting():
            return False
        try:
            await self._look()
        except (MailboxError, OAuthError) as error:
            await self._failed(error)
            return False
        except Exception:
            await self.close()
            raise
        self._patience.over()
        self._metrics.mail.bounce_mailbox_up.labels(self._where.shop).set(1)
        return True

    async def close(self) -> None:
        """Leave the mailbox."""
        postbox, self._postbox = self._postbox, None
        if postbox is not None:
            await self._thread.leave(postbox)

    async def _look(self) -> None:
        postbox = await self._opened()
        whole = False
        while not whole:
            collected = await self._thread.run(postbox.collect)
            for post in collected.post:
                await self._take_in(self._arrival(post.raw))
            await self._store(collected)
            postbox.stored(collected)
            whole = collected.whole

    async def _opened(self) -> Postbox:
        if self._postbox is None:
            async with self._ledger.read() as conn:
                cursors = await mailboxes.cursors(conn, self._where.name)
            self._postbox = Postbox(self._where.account, cursors=cursors, now=self._clock.now)
            await self._thread.run(self._postbox.open)
        return self._postbox

    async def _store(self, collected: Collected) -> None:
        async with self._ledger.write() as conn:
            await mailboxes.looked(
                conn,
                self._where.name,
                collected.at,
                collected.cursors,
                sorted(collected.cursors),
                self._where.account.kind.idle,
            )
        if collected.post:
            log.info("bounces collected", mailbox=self._where.name, messages=len(collected.post))

    async def _wait(self) -> None:
        if self._postbox is None:
            return
        try:
            seconds = self._clock.real_s(LOOK_EVERY_S)
            await self._thread.run(partial(self._postbox.wait, seconds))
        except MailboxError as error:
            await self._failed(error)

    async def _failed(self, error: MailboxError | OAuthError) -> None:
        await self.close()
        self._metrics.mail.bounce_mailbox_up.labels(self._where.shop).set(0)
        await self._patience.failed(error)

    def _arrival(self, raw: bytes) -> Arrival:
        return arrival(self._where.shop, self._where.base, raw, self._clock.now())


def arrival(shop: str, base: str, raw: bytes, at: datetime) -> Arrival:
    """The message as it is taken in: to the return paths that its header names, else to `base`."""
    try:
        header = read_header(raw)
    except Refused:
        header = _NO_HEADER
    sender = _path(header.first(b"return-path") or b"")
    recipients = tuple(dict.fromkeys(_return_paths(header, base))) or (base,)
    purpose = Purpose(IntakeMode.BOUNCE, shop)
    return Arrival(
        shop=shop,
        mode=IntakeMode.BOUNCE,
        mail_from=sender,
        recipients=recipients[:MOST_ADDRESSES],
        client=f"imap:{shop}",
        helo="",
        login=None,
        smtputf8=False,
        received_at=at,
        message_id=header.message_id,
        dedupe=dedupe_key(purpose, sender, recipients, header, raw),
        sha256=hashlib.sha256(raw).digest(),
        raw=raw,
    )


def _return_paths(header: Header, base: str) -> Iterator[str]:
    """What looks like a signed return path of ours, signed or forged."""
    for name in _DELIVERED:
        for value in header.values(name):
            words = value.decode("ascii", "replace").replace(",", " ").split()
            yield from (path for word in words if is_ours(path := word.strip('<>;"'), (base,)))


def _path(value: bytes) -> str:
    """Return-Path's address, "" for the null one and for what is none."""
    text = value.decode("ascii", "replace").strip().removeprefix("<").removesuffix(">")
    return text if text.isprintable() and " " not in text and len(text) <= 320 else ""
