"""Tells a dead man's switch outside that all is well here; its silence is the alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from daemon.alerts.channel import Undeliverable
from daemon.alerts.heartbeat import ping
from daemon.ledger.failures import LedgerError

if TYPE_CHECKING:
    import httpx2
    from pydantic import SecretStr

    from daemon.rounds.surroundings import Surroundings

log = structlog.get_logger()


class Heartbeat:
    """One ping a round, while every loop comes round and the ledger answers."""

    def __init__(self, around: Surroundings, url: SecretStr, http: httpx2.AsyncClient) -> None:
        self._ledger, self._metrics = around.ledger, around.metrics
        self._url, self._http = url, http

    async def run_once(self, stalled: list[str]) -> None:
        """Ping unless loops are `stalled`; a ping that fails is logged and counted, never more."""
        try:
            reason = await self._ping(stalled)
        except (LedgerError, Undeliverable) as error:
            reason = str(error)
        self._metrics.pings.labels("failed" if reason else "sent").inc()
        if reason:
            log.warning("no sign of life was given", why=reason)

    async def _ping(self, stalled: list[str]) -> str | None:
        if stalled:
            return f"Loops do not come round: {', '.join(stalled)}."
        async with self._ledger.read():
            pass
        await ping(self._url.get_secret_value(), self._http)
        return None
