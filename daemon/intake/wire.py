"""The connection beneath the conversation: time, replies held back, TLS, and how it ends.

`aiosmtpd.smtp.SMTP` looks itself over for every connection, writes and waits for each reply, and
ends what it is doing when the client stops sending. Here a connection costs little, replies go out
together when no command is left to read (RFC 2920), and what was begun is finished.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, cast

from aiosmtpd.smtp import SMTP, Session

from daemon.intake import replies
from daemon.intake.inflow import Inflow

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from ipaddress import IPv4Address

    from daemon.intake.house import House
    from daemon.intake.replies import Reply
    from daemon.intake.terms import Listener

HANDSHAKE_S = 30.0
FAREWELL_S = 5.0
"""A client that does not take our last words is cut off."""


class Wire(SMTP):
    """One connection; `_converse` is what is said on it."""

    session: Session
    _timeout_handle: asyncio.TimerHandle
    # asyncio's own: whether the client is behind with reading, and until when
    _paused: bool
    _drain_helper: Callable[[], Awaitable[None]]

    def __init__(self, house: House, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        # not SMTP's own __init__: it inspects the class by name, each time
        self._inflow = Inflow(loop)
        asyncio.StreamReaderProtocol.__init__(self, self._inflow, loop=loop)
        self.loop, self._house, self._listener = loop, house, listener
        self._replies: list[bytes] = []
        self._over = False
        self._deadline = self._wakes_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless too many are here."""
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self.transport = transport
        self._peer = peer_of(transport)
        self._begin_session(transport)
        self._reset_timeout()
        self._wake_later()
        self._turned_away = self._house.enter(self, str(self._peer))
        self._handler_coroutine = self.loop.create_task(self._handle_client())

    def connection_lost(self, error: Exception | None) -> None:
        """Count out; whoever waits for more of the client is woken."""
        self._timeout_handle.cancel()
        self._over = True
        self._house.leave(self, str(self._peer))
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    def data_received(self, data: bytes) -> None:
        """Read on, unless it is over: who is still writing then must not miss our last word."""
        if not self._over:
            self._inflow.feed_data(data)

    def eof_received(self) -> bool | None:
        """The client stopped sending; it may still wait for our replies."""
        if self._over:
            return False
        return asyncio.StreamReaderProtocol.eof_received(self)

    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except (EOFError, OSError):  # gone, or no TLS that we could speak
            self._hang_up(None)
        except Exception:
            self._house.log.exception("mail connection failed", client=self.session.peer)
            self._hang_up(replies.BROKEN)
        else:
            self._hang_up(None)

    def close_soon(self) -> None:
        """Say goodbye, now or when the message in hand is done."""
        raise NotImplementedError

    async def cut_off(self) -> None:
        """End now, and return when everything about it has ended."""
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            await asyncio.wait({self._handler_coroutine})

    async def _converse(self) -> None:
        raise NotImplementedError

    def say(self, reply: Reply) -> None:
        """Hold a reply ready; it goes out when nothing of the client's is left to read."""
        self._replies.append(reply.wire)

    async def line(self) -> bytes:
        """The client's next line. Raises EOFError, Refused."""
        if not self._inflow.has_line():
            await self.flush()
        return await self._inflow.line()

    async def flush(self) -> None:
        """Send the replies that were held; wait while the client does not take them."""
        if self._replies and self.transport is not None:
            cast("asyncio.Transport", self.transport).write(b"".join(self._replies))
            self._replies.clear()
        if self._paused:
            await self._drain_helper()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on under TLS; what was sent ahead in the clear is dropped (RFC 3207 section 4.2)."""
        await self.flush()
        self._inflow.forget()
        plain = cast("asyncio.Transport", self.transport)
        secured = await self.loop.start_tls(
            plain, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
        )
        if secured is None:
            raise EOFError
        self._transport = self.transport = secured
        self._over_ssl = True  # asyncio's own: EOF ends a TLS connection
        self._inflow.move(secured)
        self._begin_session(secured)

    def _begin_session(self, transport: asyncio.BaseTransport) -> None:
        self.session = Session(self.loop)
        self.session.peer = str(self._peer)
        self.session.ssl = transport.get_extra_info("cipher")

    def _reset_timeout(self, duration: float | None = None) -> None:
        """The client has so many seconds from now on, or the usual ones."""
        self._deadline = self.loop.time() + (duration or self._house.limits.idle_s)
        if self._deadline < self._wakes_at:
            self._timeout_handle.cancel()
            self._wake_later()

    def _wake_later(self) -> None:
        self._wakes_at = self._deadline
        self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def _timeout_cb(self) -> None:
        # a deadline moves with each command, the timer only when it has run out: that is cheap
        if self.loop.time() < self._deadline:
            self._wake_later()
        else:
            self._hang_up(replies.IDLE)

    def _hang_up(self, reply: Reply | None, *, at_once: bool = False) -> None:
        """Say a last word, if any, and close: a 421 once the client heard it, or after 5 seconds.

        To close a socket whose input nobody read makes the kernel drop what was said last.
        """
        if self.transport is None or self._over:
            return
        self._over = True
        last = b"".join((*self._replies, reply.wire if reply else b""))
        transport = cast("asyncio.Transport", self.transport)
        if last:
            transport.write(last)
        if reply and reply.code == 421 and not at_once and transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()
        self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_later(FAREWELL_S, transport.abort)
        self._inflow.feed_eof()


def peer_of(transport: asyncio.BaseTransport) -> IPv4Address | IPv6Address:
    """The client's address; IPv4 where it came in IPv6's clothes, "::" when it is gone already."""
    peername = transport.get_extra_info("peername") or ("::",)
    address = ip_address(peername[0].partition("%")[0])
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
