"""A shop's submission server: takes mail with STARTTLS and AUTH, signs it, hands it on at once.

It hands on while the submitter waits, so that a provider's refusal is the submitter's own reply.
"""

from __future__ import annotations

import base64
import hmac
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiosmtplib
import dkim
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from daemon.demo.listeners import SmtpListener, SmtpOffer
from daemon.demo.trace import Hop, crlf, peer_address, reply
from daemon.demo.verdicts import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from daemon.demo.pki import Authority

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A DKIM key (RSA, 2048 bits): `private` in PEM, `record` for the DNS (RFC 6376 3.6)."""

    private: bytes = field(repr=False)
    record: str

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key; takes some 50 ms."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(private, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}")


@dataclass(frozen=True, slots=True)
class Sender:
    """A route's public identity: what the world sees of it, and its login.

    `client` is how it appears to a provider; `mail_from` is its bounce address; DKIM signs for
    the From domain with `selector`.
    """

    route: str
    client: Client
    header_from: str
    mail_from: str
    selector: str
    username: str
    password: str = field(repr=False)

    @property
    def domain(self) -> str:
        """The From domain, which DKIM signs for."""
        return self.header_from.rpartition("@")[2].rstrip(">")

    @property
    def key_name(self) -> str:
        """Where the DKIM key stands in the DNS."""
        return f"{self.selector}._domainkey.{self.domain}"


class Relay:
    """The submission server of one route; `exchangers` maps recipient domains to MX ports."""

    def __init__(
        self,
        sender: Sender,
        exchangers: Mapping[str, int],
        authority: Authority,
        now: Callable[[], datetime],
    ) -> None:
        self.sender = sender
        self._now = now
        self.key = SigningKey.generate()
        self._exchangers = exchangers
        self._authority = authority
        self._client_tls = authority.client_context()
        self._listener: SmtpListener | None = None

    async def start(self) -> None:
        """Bind and serve."""
        host = self.sender.client.helo
        tls = self._authority.server_context(host)
        self._listener = await SmtpListener.start(self, SmtpOffer(host, tls, self._authenticate))

    async def close(self) -> None:
        """Stop serving."""
        if self._listener is not None:
            await self._listener.close()

    @property
    def port(self) -> int:
        """The TCP port."""
        if self._listener is None:
            raise RuntimeError("the relay is not running")
        return self._listener.port

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Refuse a domain that is no provider of this world."""
        if _domain(address) not in self._exchangers:
            return reply(550, f"5.1.2 nobody here knows where {_domain(address)} takes its mail")
        envelope.rcpt_tos.append(address)
        return reply(250, "2.1.5 ok")

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's hook
        """Sign and hand on, one transaction for each recipient; the first refusal is the reply."""
        submitter = Client(peer_address(session), session.host_name or "unknown")
        signed = self._signed(crlf(envelope.content))
        host = self.sender.client.helo
        for recipient in envelope.rcpt_tos:
            hop = Hop(host, submitter, recipient, "ESMTPSA", self._now())
            refusal = await self._hand_on(
                hop.received() + signed, envelope.mail_from or "", recipient
            )
            if refusal:
                return refusal
        return reply(250, "2.0.0 handed on")

    def _signed(self, message: bytes) -> bytes:
        signature: bytes = dkim.sign(
            message,
            self.sender.selector.encode(),
            self.sender.domain.encode(),
            self.key.private,
            canonicalize=(b"relaxed", b"relaxed"),
        )
        return signature + message

    async def _hand_on(self, message: bytes, mail_from: str, recipient: str) -> str | None:
        """Deliver to the recipient's MX; the reply to pass back when it did not accept."""
        try:
            await aiosmtplib.send(
                message,
                sender=mail_from,
                recipients=[recipient],
                hostname="127.0.0.1",
                port=self._exchangers[_domain(recipient)],
                local_hostname=self.sender.client.helo,
                source_address=(self.sender.client.address, 0),
                start_tls=True,
                tls_context=self._client_tls,
                timeout=_TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            first = refused.recipients[0]
            return reply(first.code, first.message)
        except aiosmtplib.SMTPResponseException as refused:
            return reply(refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            return reply(451, f"4.4.1 the exchanger does not answer: {type(error).__name__}")
        return None

    def _authenticate(
        self,
        _server: SMTP,
        _session: Session,
        _envelope: Envelope,
        _mechanism: str,
        given: object,
    ) -> AuthResult:
        wanted = (self.sender.username.encode(), self.sender.password.encode())
        good = isinstance(given, LoginPassword) and all(
            hmac.compare_digest(*pair) for pair in zip(given, wanted, strict=True)
        )
        return AuthResult(success=good, handled=False)


def source_address(wish: str) -> str:
    """`wish`, an address in 127/8, where this system can bind it; otherwise 127.0.0.1."""
    with socket.socket() as trial:
        try:
            trial.bind((wish, 0))
        except OSError:
            return "127.0.0.1"
    return wish


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
