"""IMAPClient 4.1.0 and imaplib below it, with their traps closed: connecting and logging in.

Times come with their zone; a folder can only be examined; what the server says in passing (BYE,
THROTTLED) is heard; no literal is obeyed whatever its size.
"""

from __future__ import annotations

import imaplib
import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from imapclient import IMAPClient
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

from probes.endpoint import Password, Tls
from probes.imap_errors import LoginRefused, ProtocolTrouble, tidy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from probes.endpoint import Endpoint, Login

LARGEST_LITERAL = 64 * 1024 * 1024
"""Octets; we ask for far less, so a server that announces more is not obeyed."""


class Wire(imaplib.IMAP4):
    """The lines of a connection; `farewell` is a BYE, `complaint` an OK that says THROTTLED."""

    farewell: bytes | None = None
    complaint: bytes | None = None

    def read(self, size: int) -> bytes:
        """Read a literal; raises imaplib's abort when it is out of all proportion."""
        if size > LARGEST_LITERAL:
            raise self.abort(f"it announced {size} octets at once")
        return super().read(size)

    def holds_unread(self) -> bool:
        """Whether more was received than was read, where no poll can see it; may raise OSError."""
        buffered: Any = getattr(self, "_readbuf", None)  # Python 3.14 on
        if buffered is not None:
            return bool(buffered)
        file: Any = self.file
        return bool(file.peek(1))

    def _get_line(self) -> bytes:
        line: bytes = super()._get_line()  # type: ignore[misc]  # typeshed leaves it out
        if line[:6].upper() == b"* BYE ":
            self.farewell = line[6:]
        tag: Any = self.tagpre  # bytes, whatever typeshed says
        if line.startswith(tag) and b"[THROTTLED]" in line.upper():
            self.complaint = line.split(b" ", 1)[-1]
        return line


class _PlainWire(IMAP4WithTimeout, Wire):  # type: ignore[misc]  # imapclient ships no types
    pass


class _TlsWire(IMAP4_TLS, Wire):  # type: ignore[misc]  # imapclient ships no types
    pass


class Client(IMAPClient):  # type: ignore[misc]  # imapclient ships no types
    """IMAPClient that logs in as the server likes it, and cannot open a folder for writing."""

    @property
    def wire(self) -> Wire:
        """The connection below."""
        wire: Wire = self._imap
        return wire

    def examine(self, folder: str) -> dict[bytes, Any]:
        """EXAMINE; the answer's EXISTS, UIDNEXT and UIDVALIDITY."""
        told: dict[bytes, Any] = self.select_folder(folder, readonly=True)
        return told

    def authenticate(self, login: Login, secret: str) -> None:
        """Log in by the safest way offered; `secret` is the password or the access token."""
        if isinstance(login, Password):
            self._by_password(login.username, secret)
        elif "AUTH=XOAUTH2" in self.wire.capabilities:
            self._by_xoauth2(login.username, secret)
        else:
            self.oauthbearer_login(login.username, secret)

    def _by_password(self, username: str, password: str) -> None:
        if "AUTH=PLAIN" in self.wire.capabilities:
            self.plain_login(username, password)
        elif "LOGINDISABLED" in self.wire.capabilities:
            raise LoginRefused(f"{self.host} takes no passwords (LOGINDISABLED). Use OAuth.")
        elif not password.isascii():
            raise LoginRefused(f"{self.host} takes no password with letters outside ASCII.")
        else:
            self.login(username, password)

    def _by_xoauth2(self, username: str, secret: str) -> None:
        """A refusal comes as a challenge with its grounds, to be answered by an empty line."""
        challenges: list[bytes] = []
        credentials = f"user={username}\1auth=Bearer {secret}\1\1"

        def answer(challenge: bytes) -> str:
            challenges.append(challenge)
            return credentials if len(challenges) == 1 else ""

        try:
            self.sasl_login("XOAUTH2", answer)
        except self.AbortError:
            raise
        except self.Error as error:
            raise self.Error(f"{tidy(error, (secret,))}{_grounds(challenges[1:])}") from None

    def _create_IMAP4(self) -> Wire:  # noqa: N802 - IMAPClient's name
        if self.ssl:
            return _TlsWire(self.host, self.port, self.ssl_context, self._timeout.connect)  # type: ignore[call-arg]  # as above
        return _PlainWire(self.host, self.port, self._timeout.connect)


def connect(endpoint: Endpoint) -> Client:
    """Connect as `endpoint` says, up to the end of its TLS handshake; raises what comes."""
    context = None if endpoint.tls is Tls.NONE else endpoint.tls_context()
    client = Client(
        endpoint.host,
        endpoint.port,
        ssl=endpoint.tls is Tls.IMPLICIT,
        ssl_context=context,
        timeout=endpoint.timeout_s,
    )
    client.normalise_times = False
    # IMAPClient writes a search in two parts; Nagle would hold the second back for a round trip
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if endpoint.tls is Tls.STARTTLS:
        try:
            _start_tls(client, endpoint, context)
        except BaseException:
            with suppress(OSError):  # a failed handshake has closed it already
                client.shutdown()
            raise
    return client


def _start_tls(client: Client, endpoint: Endpoint, context: ssl.SSLContext | None) -> None:
    if "STARTTLS" not in client.wire.capabilities:
        raise ProtocolTrouble(
            f"{endpoint.host}:{endpoint.port} does not offer STARTTLS, and nothing is sent in the "
            "clear. Use implicit TLS, usually on port 993."
        )
    client.starttls(context)


def _grounds(challenges: Iterable[bytes]) -> str:
    """The status in the JSON that Google and Microsoft send before they refuse a token."""
    for challenge in challenges:
        try:
            return f" (status {json.loads(challenge)['status']})"
        except (ValueError, KeyError, TypeError):
            continue
    return ""
