"""Visiting a mailbox by IMAP, whoever's it is: one thread at a time, and in peace after trouble."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from daemon.ledger import findings, mailboxes
from daemon.ledger.states import MailboxState
from daemon.rounds.parties import OPERATOR
from daemon.rulings import patience
from probes.mailbox import LoginRefused
from probes.oauth import OAuthError
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from daemon.rounds.surroundings import Surroundings
    from probes.mailbox import Mailbox, MailboxError

log = structlog.get_logger()
T = TypeVar("T")

LEAVE_WITHIN_S = 5.0


class Thread:
    """Where the blocking calls of one mailbox run."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._working: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run it, to its end even if nobody waits for it any more."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._working = future
        # a cancelled round must not let a second thread into the mailbox while the first is there
        return await asyncio.shield(future)

    async def leave(self, mailbox: Mailbox) -> None:
        """Close the mailbox; a wait that is under way ends at once, a look within its time-outs."""
        mailbox.interrupt()
        if self._working and not self._working.done():
            await asyncio.wait([self._working], timeout=LEAVE_WITHIN_S)
        await self.run(mailbox.close)


class Patience:
    """What is remembered of a mailbox that could not be read; `credential` stands for its login."""

    def __init__(self, around: Surroundings, name: str, credential: str) -> None:
        self._ledger, self._clock = around.ledger, around.clock
        self._name, self._credential = name, credential
        self._failures = 0

    def over(self) -> None:
        """It was read."""
        self._failures = 0

    async def resting(self) -> bool:
        """True while a failed mailbox is left in peace: for a time, or until its login changes."""
        async with self._ledger.read() as conn:
            row = await mailboxes.load(conn, self._name)
        if row is None or row.state is MailboxState.OK:
            return False
        if row.state is MailboxState.STOPPED:
            return row.credential_fingerprint == self._credential
        return row.next_try_at is not None and self._clock.now() < row.next_try_at

    async def failed(self, error: MailboxError | OAuthError) -> None:
        """Write down why, and until when it is left in peace; the operator is told once."""
        self._failures += 1
        log.warning("mailbox not read", seed=self._name, why=str(error))
        now, name = self._clock.now(), self._name
        refused = isinstance(error, LoginRefused)
        again = now + max(patience.back_off(self._failures), _asked_for(error))
        async with self._ledger.write() as conn:
            await mailboxes.failed(conn, name, now, str(error), again, refused)
            row = await mailboxes.load(conn, name)
            if refused and row and row.failed_logins >= patience.MOST_REFUSED_LOGINS:
                await mailboxes.stop(conn, name, now, str(error), self._credential)
            if self._failures == 1 or refused:
                told = [_finding(error)]
                await findings.add(conn, shop=OPERATOR, at=now, seed=name, findings=told)


def _asked_for(error: MailboxError | OAuthError) -> timedelta:
    return timedelta(seconds=getattr(error, "retry_after_s", None) or 0)


def _finding(error: MailboxError | OAuthError) -> Finding:
    if isinstance(error, OAuthError):
        return error.as_finding()
    status = "login refused" if isinstance(error, LoginRefused) else "not readable"
    return Finding("mailbox", status, Severity.PROBLEM, error.sentence)
