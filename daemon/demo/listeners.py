"""SMTP and IMAP listeners on ephemeral loopback ports that can be closed whole.

Closing a listener of aiosmtpd or asyncio leaves its open connections behind; these cut them and
wait until every task that served one has ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aiosmtpd.smtp import SMTP, Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Self

    from aiosmtpd.smtp import AuthenticatorType

_HOST = "127.0.0.1"
_BANNER = "ready"
_SIZE_LIMIT = 1 << 20  # octets; a receipt is a few kilobytes


@dataclass(frozen=True, slots=True)
class SmtpOffer:
    """How an SMTP server presents itself; with `authenticate`, it takes nothing without AUTH."""

    hostname: str
    tls: ssl.SSLContext
    authenticate: AuthenticatorType | None = None

    def options(self) -> Mapping[str, Any]:
        """The offer in aiosmtpd's words."""
        submission = self.authenticate is not None
        return {
            "hostname": self.hostname,
            "ident": _BANNER,
            "tls_context": self.tls,
            "require_starttls": submission,
            "auth_required": submission,
            "authenticator": self.authenticate,
            "data_size_limit": _SIZE_LIMIT,
        }


class _SilentSession(Session):
    login_data: Any = None  # aiosmtpd's own property logs a deprecation at every login


class _SmtpConnection(SMTP):
    """One connection that is known to its listener while it is open."""

    line_length_limit = _SIZE_LIMIT  # the large providers take longer lines than RFC 5321 asks

    def __init__(self, open_: set[_SmtpConnection], handler: object, **options: Any) -> None:
        super().__init__(handler, loop=asyncio.get_running_loop(), **options)
        self._open = open_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open.discard(self)

    def cut(self) -> asyncio.Task[None] | None:
        """Drop the connection; the task that served it ends soon after."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        return self._handler_coroutine

    def _create_session(self) -> Session:
        return _SilentSession(self.loop)


class SmtpListener:
    """An aiosmtpd server; `handler` has aiosmtpd's `handle_*` hooks."""

    def __init__(self, server: asyncio.Server, open_: set[_SmtpConnection]) -> None:
        self.port: int = server.sockets[0].getsockname()[1]
        self._server = server
        self._open = open_

    @classmethod
    async def start(cls, handler: object, offer: SmtpOffer) -> Self:
        """Bind and serve."""
        open_: set[_SmtpConnection] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: _SmtpConnection(open_, handler, **offer.options()), _HOST, 0
        )
        return cls(server, open_)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        self._server.close()
        tasks = [task for connection in list(self._open) if (task := connection.cut())]
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()


class ServeStream(Protocol):
    """Serves one accepted stream until its end."""

    def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Awaitable[None]:
        """Serve one stream; it may be cut at any time."""


class StreamListener:
    """A TLS server whose connections are served by a coroutine each."""

    def __init__(self, serve: ServeStream) -> None:
        self._serve = serve
        self._open: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, tls: ssl.SSLContext) -> None:
        """Bind and serve."""
        self._server = await asyncio.start_server(self._accept, _HOST, 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, drop every connection, wait for whoever served one."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._open)
        self.cut(lambda _: True)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self, chosen: Callable[[asyncio.StreamWriter], bool]) -> None:
        """Drop the chosen connections, as a provider that ends a session does."""
        for writer in list(self._open.values()):
            if chosen(writer):
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("served outside a task")
        self._open[task] = writer
        try:
            await self._serve(reader, writer)
        finally:
            del self._open[task]
            writer.close()
