"""A kept connection to a route's server: one message after another, each for one recipient."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.smtp_session import Session, Silent
from probes.smtp_transaction import Station, pass_by
from probes.submission import Outcome, Submission, outcome_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from probes.endpoint import Endpoint, Login
    from probes.reply_text import ReplyText
    from probes.smtp_transaction import Transaction

MOST_MESSAGES = 100
"""Sent over one connection; relays limit it, and addresses of a relay's name may change."""
LONGEST_IDLE_S = 30.0
FINAL_S = 600.0
"""What a server gets to answer the final dot (RFC 5321 section 4.5.3.2.6): to give up sooner only
leaves the message in doubt."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a route is spoken to; `helo` is the name that we give.

    `endpoint.timeout_s` holds for each reply but the one to the final dot. `now` tells when a reply
    came.
    """

    endpoint: Endpoint
    login: Login | None
    helo: str
    now: Callable[[], datetime]
    final_s: float = FINAL_S
    idle_s: float = LONGEST_IDLE_S
    most_messages: int = MOST_MESSAGES
    reached: Callable[[Station], None] = pass_by


@dataclass(slots=True)
class Watch:
    """Asks `before_dot`, and remembers that it was asked."""

    before_dot: Callable[[], Awaitable[bool]]
    asked: bool = field(default=False, init=False)

    async def __call__(self) -> bool:
        """Whether the final dot may be written."""
        self.asked = True
        return await self.before_dot()


class Connection:
    """One connection at a time, opened when it is needed; for one sender at a time."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._session: Session | None = None
        self._sent = 0
        self._closing: asyncio.TimerHandle | None = None
        self._goodbye: asyncio.Task[None] | None = None

    @property
    def kept(self) -> bool:
        """Whether it is open, as far as we know."""
        return self._session is not None and self._session.usable

    async def send(
        self, mail: Transaction, before_dot: Callable[[], Awaitable[bool]]
    ) -> Submission:
        """Hand one message over; the final dot is written only after `before_dot` said True.

        A kept connection that the server has left meanwhile is replaced: that is no failure, as
        nothing was handed over. Raises Withdrawn when `before_dot` said False.
        """
        self._stay_open()
        watch = Watch(before_dot)
        if self._session and self._session.usable:
            submission = await self._try(self._session, mail, watch)
            if watch.asked or not _left(submission):
                return submission
        return await self._try(self._afresh(), mail, watch)

    async def close(self) -> None:
        """Say goodbye, where somebody listens."""
        self._stay_open()
        session, self._session = self._session, None
        if session:
            if session.usable:
                await session.say_goodbye()
            session.close()

    def drop(self) -> None:
        """Close at once."""
        self._stay_open()
        session, self._session = self._session, None
        if session:
            session.close()

    def _afresh(self) -> Session:
        self.drop()
        terms = self._terms
        self._session, self._sent = Session(terms.endpoint, terms.helo, terms.reached), 0
        return self._session

    async def _try(self, session: Session, mail: Transaction, watch: Watch) -> Submission:
        try:
            submission = await outcome_of(
                session, self._terms.now, self._steps(session, mail, watch)
            )
        except BaseException:
            self.drop()  # nobody knows where the conversation stands
            raise
        self._sent += 1
        if not session.usable:
            self.drop()
        elif self._sent >= self._terms.most_messages:
            await self.close()
        else:
            self._close_when_idle()
        return submission

    async def _steps(self, session: Session, mail: Transaction, watch: Watch) -> ReplyText:
        if not session.usable:
            await session.open(self._terms.login)
            if not session.usable:
                raise Silent("The server closed the connection before the message.")
        return await session.deliver(mail, before_dot=watch, final_s=self._terms.final_s)

    def _close_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._closing = loop.call_later(self._terms.idle_s, self._begin_to_close)

    def _begin_to_close(self) -> None:
        self._goodbye = asyncio.create_task(self.close())

    def _stay_open(self) -> None:
        if self._closing:
            self._closing.cancel()
            self._closing = None


def _left(submission: Submission) -> bool:
    """Whether the server ended the session: it said nothing, or 421 (RFC 5321 section 3.8)."""
    return submission.outcome is Outcome.FAILED or submission.code == 421
