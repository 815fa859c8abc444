"""One SMTP client session: connect, protect, log in, one mail transaction.

It speaks through aiosmtplib, which carries commands, replies and TLS; addresses and message bytes
go on the wire as given, never through its parsers.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import aiosmtplib

from probes.endpoint import Password, Tls
from probes.reply_text import ReplyText, greeting_host, read_reply

if TYPE_CHECKING:
    from probes.endpoint import Bearer, Endpoint, Login

GOODBYE_S = 2.0
"""What a server gets to answer QUIT; the message is settled by then."""


class Stage(StrEnum):
    """How far a submission came."""

    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The protection in force: "TLSv1.3", the cipher's name, the certificate's common name."""

    version: str
    cipher: str
    peer: str


class Refused(Exception):  # noqa: N818 - reads as what it is; "Error" adds nothing
    """The server answered, and not what the command needs."""

    def __init__(self, reply: ReplyText) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Silent(Exception):  # noqa: N818 - as Refused
    """No complete reply, or nothing that we may go on after; the text is for people."""


class Session:
    """A connection to `endpoint`; `stage`, `tls`, `host` and `handed_over` tell how far it came.

    Every step raises Refused or Silent and nothing else for what the other side does.
    """

    def __init__(self, endpoint: Endpoint, helo: str) -> None:
        self.stage = Stage.CONNECT
        self.tls: TlsFacts | None = None
        self.host: str | None = None
        self.handed_over = False
        """Whether the whole message was written: from then on silence is no refusal."""
        self._endpoint = endpoint
        self._client = aiosmtplib.SMTP(
            hostname=endpoint.host,
            port=endpoint.port,
            timeout=endpoint.timeout_s,
            local_hostname=helo,
            use_tls=endpoint.tls is Tls.IMPLICIT,
            start_tls=False,
        )

    async def run(self, login: Login | None, sender: str, recipient: str, data: bytes) -> ReplyText:
        """The whole session up to the reply to the final dot; `data` is dot-stuffed and ended."""
        try:
            await self._open(login)
            return await self._deliver(sender, recipient, data)
        except aiosmtplib.SMTPResponseException as refusal:
            raise Refused(read_reply(refusal.code, refusal.message)) from refusal
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            if isinstance(error.__cause__ or error, ssl.SSLError):
                self.stage = Stage.TLS
            raise Silent(str(error) or type(error).__name__) from error

    async def say_goodbye(self) -> None:
        """QUIT; whatever comes of it changes nothing."""
        try:
            await self._client.quit(timeout=GOODBYE_S)
        except (aiosmtplib.SMTPException, OSError):
            return

    def close(self) -> None:
        """Drop the connection, wherever it stands."""
        self._client.close()

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
        self.stage = Stage.TLS
        if not self._client.supports_extension("starttls"):
            raise Silent("The server does not offer STARTTLS; nothing was sent in the clear.")
        await self._client.starttls()
        await self._client.ehlo()

    async def _log_in(self, login: Login) -> None:
        self.stage = Stage.LOGIN
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

    async def _deliver(self, sender: str, recipient: str, data: bytes) -> ReplyText:
        self.stage = Stage.MAIL
        await self._command(f"MAIL FROM:<{sender}>", "2")
        self.stage = Stage.RCPT
        await self._command(f"RCPT TO:<{recipient}>", "2")
        self.stage = Stage.DATA
        await self._command("DATA", "354")
        return await self._hand_over(data)

    async def _command(self, command: str, wanted: str) -> None:
        response = await self._client.execute_command(command.encode("ascii"))
        if not str(response.code).startswith(wanted):
            raise Refused(read_reply(response.code, response.message))

    async def _hand_over(self, data: bytes) -> ReplyText:
        protocol = self._client.protocol
        if protocol is None:
            raise Silent("The server closed the connection before the message.")
        protocol.write(data)
        self.handed_over = True
        response = await protocol.read_response(timeout=self._endpoint.timeout_s)
        reply = read_reply(response.code, response.message)
        if response.code // 100 != 2:
            raise Refused(reply)
        return reply

    def _tls_facts(self) -> TlsFacts | None:
        tls = self._client.get_transport_info("ssl_object")
        if tls is None:
            return None
        subject = dict(pair for names in tls.getpeercert().get("subject", ()) for pair in names)
        peer = str(subject.get("commonName", self._endpoint.host))
        return TlsFacts(tls.version(), tls.cipher()[0], peer)
