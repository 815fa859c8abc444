"""A mailbox provider: an MX that judges and files, and the IMAP that shows where."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING

from daemon.demo.imap import Dialect, ImapServer
from daemon.demo.listeners import SmtpListener, SmtpOffer
from daemon.demo.policy import Filing, Policy, Refusal, Ruling
from daemon.demo.trace import Hop, crlf, peer_address, reply
from daemon.demo.verdicts import Client, judge
from probes.observation import FolderRole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aiosmtpd.smtp import SMTP, Envelope, Session
    from dns.asyncresolver import Resolver

    from daemon.demo.pki import Authority


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes a provider recognisable; `remark` writes its own header fields, in CRLF lines."""

    name: str
    domain: str
    spam_folder: str
    dialect: Dialect
    remark: Callable[[str, Filing, datetime], str] = lambda _recipient, _filing, _at: ""

    @property
    def host(self) -> str:
        """The name of its MX, in its Received and Authentication-Results fields."""
        return f"mx.{self.domain}"


def _outlook_remark(_recipient: str, filing: Filing, _at: datetime) -> str:
    destination = "J" if filing.role is FolderRole.SPAM else "I"
    return f"X-Microsoft-Antispam-Mailbox-Delivery: ucf:0;jmr:0;auth:0;dest:{destination};\r\n"


def _yahoo_remark(recipient: str, _filing: Filing, at: datetime) -> str:
    return f"X-Apparently-To: {recipient}; {format_datetime(at)}\r\n"


GMAIL = Kind(
    "gmail",
    "gmail.test",
    "[Gmail]/Spam",
    Dialect(
        {
            "[Gmail]/All Mail": "All",
            "[Gmail]/Drafts": "Drafts",
            "[Gmail]/Sent Mail": "Sent",
            "[Gmail]/Spam": "Junk",
            "[Gmail]/Trash": "Trash",
        },
        categories=True,
        capabilities=(b"SPECIAL-USE", b"X-GM-EXT-1"),
    ),
)
OUTLOOK = Kind(
    "outlook",
    "outlook.test",
    "Junk Email",
    Dialect(dict.fromkeys(("Archive", "Deleted Items", "Drafts", "Junk Email", "Sent Items"))),
    _outlook_remark,
)
YAHOO = Kind(
    "yahoo",
    "yahoo.test",
    "Bulk Mail",
    Dialect(dict.fromkeys(("Archive", "Bulk Mail", "Draft", "Sent", "Trash")), idle=False),
    _yahoo_remark,
)
KINDS = (GMAIL, OUTLOOK, YAHOO)


class Provider:
    """One running provider; its knobs say how it treats a route's mail from now on.

    `passwords` maps the address of each seed to its password; `customers` have mailboxes too.
    """

    def __init__(
        self,
        kind: Kind,
        passwords: Mapping[str, str],
        hosts: Mapping[str, str],
        resolver: Resolver,
        now: Callable[[], datetime],
        customers: Mapping[str, str] | None = None,
    ) -> None:
        """`hosts` maps each route's name to the name in its EHLO."""
        self.kind = kind
        self.policy = Policy()
        self.passwords = passwords
        self.customers = customers or {}
        self._hosts = hosts
        self._resolver = resolver
        self._now = now
        self._imap = ImapServer(kind.dialect, {**passwords, **self.customers})
        self._mx: SmtpListener | None = None
        self._held: set[asyncio.Task[None]] = set()

    async def start(self, authority: Authority) -> None:
        """Bind both servers and serve."""
        await self._imap.start(authority.server_context(f"imap.{self.kind.domain}"))
        offer = SmtpOffer(self.kind.host, authority.server_context(self.kind.host))
        self._mx = await SmtpListener.start(self, offer)

    async def close(self) -> None:
        """Stop serving; mail held back is lost."""
        if self._mx is not None:
            await self._mx.close()
        for task in self._held:
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)
        await self._imap.close()

    @property
    def imap_port(self) -> int:
        """The port of IMAP over implicit TLS."""
        return self._imap.port

    @property
    def mx_port(self) -> int:
        """The port that stands for 25."""
        if self._mx is None:
            raise RuntimeError("the provider is not running")
        return self._mx.port

    def file_as_spam(self, route: str) -> None:
        """File the route's mail into the spam folder."""
        self._treat(route, Filing(FolderRole.SPAM))

    def file_under_tab(self, route: str, tab: str) -> None:
        """File the route's mail into INBOX under a category; only gmail shows it."""
        self._treat(route, Filing(tab=tab))

    def hold(self, route: str, seconds: float) -> None:
        """Accept the route's mail, and show it only later."""
        self._treat(route, Filing(after_s=seconds))

    def reject(self, route: str, code: int, text: str) -> None:
        """Answer the route's mail with `code text` after DATA."""
        self._treat(route, Refusal(code, text))

    def lock(self, seed: str) -> None:
        """Refuse the login of one seed and end its sessions; its mail still arrives."""
        self._imap.lock(seed)

    def relent(self) -> None:
        """Forget every knob."""
        self.policy = Policy()
        self._imap.unlock()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Refuse an address that nobody has."""
        if address.lower() not in {*self.passwords, *self.customers}:
            return reply(550, f"5.1.1 there is no mailbox {address} here")
        envelope.rcpt_tos.append(address.lower())
        return reply(250, "2.1.5 ok")

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's hook
        """Judge, decide, stamp, file."""
        client = Client(peer_address(session), session.host_name or "unknown")
        message, mail_from = crlf(envelope.content), envelope.mail_from or ""
        verdicts = await judge(message, client, mail_from, self._resolver)
        ruling = self.policy.decide(client.helo, verdicts)
        if isinstance(ruling, Refusal):
            return reply(ruling.code, ruling.text)
        results = verdicts.header(self.kind.host).encode()
        for recipient in envelope.rcpt_tos:
            hop = Hop(self.kind.host, client, recipient, "ESMTPS", self._now())
            stamp = self._stamp(hop, ruling, mail_from) + results
            await self._file(recipient, stamp + message, ruling)
        return reply(250, "2.0.0 ok")

    def _treat(self, route: str, ruling: Ruling) -> None:
        self.policy = self.policy.treating(self._hosts[route], ruling)

    def _stamp(self, hop: Hop, filing: Filing, mail_from: str) -> bytes:
        """The fields written on final delivery, Return-Path first (RFC 5321 section 4.4)."""
        addresses = f"Return-Path: <{mail_from}>\r\nDelivered-To: {hop.recipient}\r\n"
        remark = self.kind.remark(hop.recipient, filing, hop.at)
        return addresses.encode() + remark.encode() + hop.received()

    async def _file(self, recipient: str, message: bytes, filing: Filing) -> None:
        if filing.after_s <= 0:
            await self._deliver(recipient, message, filing)
            return
        task = asyncio.create_task(self._deliver_later(recipient, message, filing))
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def _deliver_later(self, recipient: str, message: bytes, filing: Filing) -> None:
        await asyncio.sleep(filing.after_s)
        await self._deliver(recipient, message, filing)

    async def _deliver(self, recipient: str, message: bytes, filing: Filing) -> None:
        folder = self.kind.spam_folder if filing.role is FolderRole.SPAM else "INBOX"
        await self._imap.deliver(recipient, folder, message, self._now(), filing.tab)
