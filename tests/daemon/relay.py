"""A shop's mail server on loopback: takes mail for anybody, after a login if one is tried."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from aiosmtpd.smtp import Envelope, LoginPassword, Session

USERNAME, PASSWORD = "shop", "relay secret"


class _OnAnyPort(Controller):
    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=listener)


class Relay:
    """Listens from entering to leaving; `refusal` is what every RCPT gets instead of 250."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.taken: list[Envelope] = []
        self._controller = _OnAnyPort(
            self, hostname="127.0.0.1", auth_require_tls=False, authenticator=_authenticate
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port

    @property
    def contents(self) -> list[bytes]:
        """The messages as they came; aiosmtpd gives bytes unless told to decode."""
        return [e.content for e in self.taken if isinstance(e.content, bytes)]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.taken.append(envelope)
        return "250 2.0.0 queued as 4711"


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: LoginPassword
) -> AuthResult:
    good = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)
