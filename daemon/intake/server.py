"""Listens for mail, and closes without losing what is in hand."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import structlog

from daemon.intake.admission import Admission
from daemon.intake.dialogue import Dialogue
from daemon.intake.house import Event, House
from probes.endpoint import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from daemon.intake.store import Store
    from daemon.intake.terms import Listener, Terms

DRAIN_S = 14.0
"""As of every loop that ends at the same time: the service is to end within 15."""
BACKLOG = 1_024
HANDSHAKE_S = 30.0

log = structlog.get_logger()


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound, and not yet listened at; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


class Intake:
    """An SMTP server on these terms.

    `store` keeps each message before its 250. `bounce_shop` names the shop whose signed return path
    an address is, or None. `on_event` is told what happened, and the shop where one is known;
    `disk_low` says that the disk has no room for more.
    """

    def __init__(
        self,
        terms: Terms,
        store: Store,
        now: Callable[[], datetime],
        *,
        bounce_shop: Callable[[str], str | None] = lambda _address: None,
        on_event: Callable[[Event, str | None], None] = lambda _event, _shop: None,
        disk_low: Callable[[], bool] = lambda: False,
    ) -> None:
        self._terms = terms
        self._house = House(
            terms,
            Admission(terms.shops, bounce_shop),
            store,
            now,
            on_event=on_event,
            disk_low=disk_low,
        )
        self._servers: list[asyncio.Server] = []

    @property
    def ports(self) -> tuple[int, ...]:
        """The port of each listener, in the order of the terms."""
        return tuple(server.sockets[0].getsockname()[1] for server in self._servers)

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Listen at every address, or raise OSError and listen at none.

        `sockets`, one for each listener, are listened at instead of opening new ones: who closes
        one server and starts another on copies of the same sockets turns nobody away.
        """
        opened = list(sockets)
        try:
            lacking = self._terms.listeners[len(opened) :]
            opened.extend(open_socket(one.host, one.port) for one in lacking)
            for listener, sock in zip(self._terms.listeners, opened, strict=True):
                self._servers.append(await self._listen(listener, sock))
        except BaseException:
            await self.close(drain_s=0)
            for sock in opened:
                sock.close()
            raise

    async def _listen(self, listener: Listener, sock: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        implicit = listener.tls is Tls.IMPLICIT
        server = await loop.create_server(
            lambda: Dialogue(self._house, listener, loop),
            sock=sock,
            backlog=BACKLOG,
            ssl=listener.context if implicit else None,
            ssl_handshake_timeout=HANDSHAKE_S if implicit else None,
        )
        port = server.sockets[0].getsockname()[1]
        log.info("listening for mail", host=listener.host, port=port, tls=listener.tls)
        return server

    async def close(self, drain_s: float = DRAIN_S) -> None:
        """Listen no more, give the messages in hand so many seconds, then cut off."""
        for server in self._servers:
            server.close()
        await self._house.close(drain_s)
        self._servers.clear()
