"""An SMTP client session: connect, protect, log in, then one mail transaction after another.

aiosmtplib opens the connection: TLS and logins are its trade. From then on the session reads and
writes itself, because aiosmtplib loses replies to pipelined commands (RFC 2920), and because it
guesses at addresses and rewrites messages: ours go on the wire as given.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import aiosmtplib

from probes.endpoint import Password, Tls
from probes.reply_text import greeting_host, read_reply
from probes.smtp_transaction import (
    Refused,
    Stage,
    Station,
    Transaction,
    Transactions,
    Withdrawn,
    go_on,
    pass_by,
)
from probes.smtp_wire import Silent, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from probes.endpoint import Bearer, Endpoint, Login
    from probes.reply_text import ReplyText

__all__ = [
    "Refused",
    "Session",
    "Silent",
    "Stage",
    "Station",
    "TlsFacts",
    "Transaction",
    "Withdrawn",
]

GOODBYE_S = 2.0
"""What a server gets to answer QUIT; the message is settled by then."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The protection in force: "TLSv1.3", the cipher's name, the certificate's common name."""

    version: str
    cipher: str
    peer: str


class Session:
    """A connection to `endpoint`; `stage`, `tls`, `host` and `handed_over` tell how far it came.

    Every step raises Refused or Silent and nothing else for what the other side does.
    """

    def __init__(
        self, endpoint: Endpoint, helo: str, reached: Callable[[Station], None] = pass_by
    ) -> None:
        self.tls: TlsFacts | None = None
        self.host: str | None = None
        self._stage = Stage.CONNECT
        self._endpoint, self._reached = endpoint, reached
        self._wire: Wire | None = None
        self._transactions: Transactions | None = None
        self._client = aiosmtplib.SMTP(
            hostname=endpoint.host,
            port=endpoint.port,
            timeout=endpoint.timeout_s,
            local_hostname=helo,
            use_tls=endpoint.tls is Tls.IMPLICIT,
            start_tls=False,
        )

    @property
    def stage(self) -> Stage:
        """How far it came."""
        return self._transactions.stage if self._transactions else self._stage

    @property
    def handed_over(self) -> bool:
        """Whether the whole message was written: from then on silence is no refusal."""
        return self._transactions is not None and self._transactions.handed_over

    @property
    def usable(self) -> bool:
        """Whether the next transaction may begin on this connection."""
        return self._transactions is not None and self._transactions.may_go_on

    async def open(self, login: Login | None) -> None:
        """Connect, protect, log in."""
        with self._in_words():
            await self._open(login)
            self._take_over()

    async def deliver(
        self,
        mail: Transaction,
        *,
        before_dot: Callable[[], Awaitable[bool]] = go_on,
        final_s: float | None = None,
    ) -> ReplyText:
        """One mail transaction up to the reply to the final dot, for which it waits `final_s`.

        The final dot is written only after `before_dot` returned True; else raises Withdrawn, and
        the connection is gone.
        """
        if self._transactions is None:
            raise Silent("The connection is not open.")
        patience = final_s or self._endpoint.timeout_s
        return await self._transactions.carry_out(mail, before_dot, patience)

    async def say_goodbye(self) -> None:
        """QUIT; whatever comes of it changes nothing."""
        if self._wire is None:
            return
        with suppress(Silent):
            self._wire.write(b"QUIT\r\n")
            await self._wire.reply(GOODBYE_S)

    def close(self) -> None:
        """Drop the connection, wherever it stands."""
        if self._wire:
            self._wire.close()
        self._client.close()

    def _take_over(self) -> None:
        self._wire = Wire(cast("asyncio.Transport", self._client.transport))
        self._transactions = Transactions(
            self._wire,
            frozenset(self._client.esmtp_extensions),
            self._endpoint.timeout_s,
            self._reached,
        )
        self._reached(Station.CONNECTED)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except aiosmtplib.SMTPResponseException as refusal:
            raise Refused(read_reply(refusal.code, refusal.message)) from refusal
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            if isinstance(error.__cause__ or error, ssl.SSLError):
                self._stage = Stage.TLS
            raise Silent(str(error) or type(error).__name__) from error

    async def _open(self, login: Login | None) -> None:
        if self._endpoint.tls is not Tls.NONE:
            self._client.tls_context = await asyncio.to_thread(self._endpoint.tls_context)
        greeting = await self._client.connect()
        self.host = greeting_host(greeting.message)
        await self._client.ehlo()
        if self._endpoint.tls is Tls.STARTTLS:
            await self._start_tls()
        self.tls = self._tls_facts()
        if login:
            await self._log_in(login)

    async def _start_tls(self) -> None:
        self._stage = Stage.TLS
        if not self._client.supports_extension("starttls"):
            raise Silent("The server does not offer STARTTLS; nothing was sent in the clear.")
        await self._client.starttls()
        await self._client.ehlo()

    async def _log_in(self, login: Login) -> None:
        self._stage = Stage.LOGIN
        if not self._endpoint.may_carry_login(self._client.get_transport_info("peername")[0]):
            raise Silent("A login is never sent over an unencrypted connection.")
        if isinstance(login, Password):
            await self._log_in_by_password(login)
        else:
            await self._log_in_by_token(login)

    async def _log_in_by_password(self, login: Password) -> None:
        offered = self._client.server_auth_methods
        if "plain" in offered:
            await self._client.auth_plain(login.username, login.password)
        elif "login" in offered:
            await self._client.auth_login(login.username, login.password)
        else:
            raise Silent("The server offers no login by password (AUTH PLAIN or LOGIN).")

    async def _log_in_by_token(self, login: Bearer) -> None:
        if "xoauth2" not in self._client.server_auth_methods:
            raise Silent("The server offers no login by access token (AUTH XOAUTH2).")
        try:
            token = await asyncio.to_thread(login.access_token)
        except Exception as error:
            raise Silent(f"There is no access token: {error}") from error
        try:
            await self._client.auth_xoauth2(login.username, token)
        except aiosmtplib.SMTPAuthenticationError:
            login.refused(token)
            raise

    def _tls_facts(self) -> TlsFacts | None:
        tls = self._client.get_transport_info("ssl_object")
        if tls is None:
            return None
        subject = dict(pair for names in tls.getpeercert().get("subject", ()) for pair in names)
        peer = str(subject.get("commonName", self._endpoint.host))
        return TlsFacts(tls.version(), tls.cipher()[0], peer)
