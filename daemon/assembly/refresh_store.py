"""Keeps an account's rotated refresh token in the ledger, for code that runs in threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.ledger import credentials
from daemon.ledger.failures import LedgerError
from probes.oauth import OAuthError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from daemon.clock import Clock
    from daemon.ledger.database import Ledger

T = TypeVar("T")


class LedgerRefreshStore:
    """A `probes.oauth.RefreshStore`; its methods block, so they are never called in the loop.

    They raise OAuthError when the ledger fails, or holds a token that was sealed with another key.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        key: bytes,
        account: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._ledger, self._clock, self._key = ledger, clock, key
        self._account, self._loop = account, loop

    def load(self) -> str | None:
        """The stored refresh token, or None before the first login."""
        return self._wait(self._load())

    def save(self, token: str) -> None:
        """Commit the token; it is durable when this returns."""
        self._wait(self._save(token))

    async def _load(self) -> str | None:
        async with self._ledger.read() as conn:
            return await credentials.load(conn, self._key, self._account)

    async def _save(self, token: str) -> None:
        async with self._ledger.write() as conn:
            await credentials.save(conn, self._key, self._account, token, self._clock.now())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)
        except (LedgerError, TimeoutError) as error:
            sentence = str(error) or "The ledger gave no answer in time."
            remedy = f"Then, if need be: `receiptwatch login {self._account}`."
            raise OAuthError(sentence, remedy) from error
