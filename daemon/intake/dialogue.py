# ruff: noqa: N802 - the commands' methods are named as aiosmtpd names them
"""The conversation with one client (RFC 5321), and the extensions that it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.intake import replies
from daemon.intake.commands import read_command
from daemon.intake.content import Content
from daemon.intake.house import Event
from daemon.intake.login import MECHANISMS, credentials
from daemon.intake.replies import Refused
from daemon.intake.taking import Bringer, refused, take
from daemon.intake.transaction import Transaction
from daemon.intake.wire import Wire
from probes.endpoint import Tls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from daemon.intake.replies import Reply
    from daemon.intake.terms import Shop

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
LONGEST_NAME = 255


class Dialogue(Wire):
    """Reads commands and obeys them."""

    _transaction: Transaction | None = None
    _login: str | None = None
    _mistakes = 0
    _failed_logins = 0

    async def _converse(self) -> None:
        if self._turned_away:
            self._house.tell(Event.TURNED_AWAY, None, client=self.session.peer)
            return self._hang_up(self._turned_away, at_once=True)
        self._shop = self._house.rules.shop_at(self._peer)
        self.say(replies.greeting(self._house.hostname))
        while not self._over:
            if self._house.closing and self._transaction is None:
                return self._hang_up(replies.CLOSING_DOWN, at_once=True)
            await self._next_command()
        return None

    async def _next_command(self) -> None:
        try:
            verb, argument = read_command(await self.line())
            self._reset_timeout()
            await COMMANDS.get(verb, _unknown)(self, argument)
        except Refused as refusal:
            self._refuse(refusal.reply)

    def _refuse(self, reply: Reply) -> None:
        self._mistakes += reply.mistake
        if reply.final:
            self._hang_up(reply)
        elif self._mistakes >= self._house.limits.mistakes:
            self._hang_up(replies.MISTAKEN)
        else:
            self.say(reply)

    def close_soon(self) -> None:
        """Say goodbye at once, or when the message in hand is done."""
        if self._transaction is None:
            self._hang_up(replies.CLOSING_DOWN, at_once=True)

    async def smtp_HELO(self, hostname: str) -> None:
        """Begin without extensions."""
        self._greet(hostname, extended=False)
        self.say(replies.welcome(self._house.hostname))

    async def smtp_EHLO(self, hostname: str) -> None:
        """Begin, and hear what we can do."""
        self._greet(hostname, extended=True)
        extensions = [*EXTENSIONS, f"SIZE {self._house.limits.message_bytes}"]
        if self._can_start_tls():
            extensions.append("STARTTLS")
        if self._can_log_in():
            extensions.append(" ".join(("AUTH", *MECHANISMS)))
        self.say(replies.welcome(self._house.hostname, *extensions))

    def _greet(self, name: str, *, extended: bool) -> None:
        if not name or len(name) > LONGEST_NAME or not name.isascii():
            raise Refused(replies.BAD_SYNTAX)
        self.session.host_name = name
        self.session.extended_smtp = extended
        self._transaction = None

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a transaction."""
        if not self.session.host_name:
            raise Refused(replies.HELLO_FIRST)
        if self._transaction is not None:
            raise Refused(replies.OUT_OF_ORDER)
        if self._house.disk_low():
            raise Refused(refused(self._house, replies.NO_ROOM, None, self._bringer()))
        self._transaction = Transaction(
            self._house, arg or "", self._shop, can_log_in=self._can_log_in()
        )
        self.say(replies.SENDER_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient."""
        transaction = self._transaction
        if transaction is None:
            raise Refused(replies.OUT_OF_ORDER)
        reply = transaction.add(arg or "")
        if reply.refuses and transaction.is_news(reply):
            refused(self._house, reply, transaction, self._bringer(), recipient=(arg or "")[:400])
        self.say(reply)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Take the message's content, and answer for it."""
        transaction = self._transaction
        if transaction is None:
            raise Refused(replies.OUT_OF_ORDER)
        if arg:
            raise Refused(replies.BAD_SYNTAX)
        if not transaction.rcpt_tos:
            raise Refused(replies.NO_RECIPIENTS)
        self.say(replies.GO_AHEAD)
        with Content(self._house.limits.message_bytes, self._house.room) as content:
            await self._collect(content)
            self.say(await take(self._house, transaction, content, self._bringer()))
        self._transaction = None
        self._reset_timeout()

    async def _collect(self, content: Content) -> None:
        await self.flush()
        ends = self.loop.time() + self._house.limits.data_s
        rest = None
        while rest is None:
            left = ends - self.loop.time()
            self._reset_timeout(max(0.001, min(left, self._house.limits.idle_s)))
            rest = content.add(await self._inflow.piece())
        self._inflow.unread(rest)
        self._reset_timeout()

    async def smtp_RSET(self, arg: str | None) -> None:
        """Forget the transaction."""
        self._plain(arg)
        self._transaction = None
        self.say(replies.OK)

    async def smtp_NOOP(self, arg: str | None) -> None:  # noqa: ARG002 - it may be anything
        """Do nothing."""
        self.say(replies.OK)

    async def smtp_QUIT(self, arg: str | None) -> None:
        """End the connection."""
        self._plain(arg)
        self._hang_up(replies.BYE)

    async def smtp_VRFY(self, arg: str | None) -> None:
        """Say nothing of any address (RFC 5321 section 7.3)."""
        if not arg:
            raise Refused(replies.BAD_SYNTAX)
        self.say(replies.CANNOT_VERIFY)

    async def smtp_EXPN(self, arg: str | None) -> None:  # noqa: ARG002 - it may be anything
        """Expand nothing: there are no lists."""
        raise Refused(replies.NOT_IMPLEMENTED)

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Go on under TLS, as if nothing had been said before."""
        self._plain(arg)
        if not self._can_start_tls() or self._listener.context is None:
            raise Refused(replies.NOT_IMPLEMENTED)
        self._transaction = None
        self.say(replies.START_TLS)
        await self.start_tls(self._listener.context)

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Log in as a shop, under TLS alone."""
        if not self.session.ssl:
            raise Refused(replies.ENCRYPT_FIRST)
        if not self._house.logins:
            raise Refused(replies.NOT_IMPLEMENTED)
        if not self.session.extended_smtp:
            raise Refused(replies.HELLO_FIRST)
        if self._login is not None or self._transaction is not None:
            raise Refused(replies.OUT_OF_ORDER)
        mechanism, _, initial = (arg or "").partition(" ")
        claim = await credentials(mechanism.upper(), initial or None, self._ask)
        self._log_in(claim.username, await self._house.logins.shop_of(claim))

    async def _ask(self, prompt: str) -> bytes:
        self.say(replies.challenge(prompt))
        return await self.line()

    def _log_in(self, username: str, shop: Shop | None) -> None:
        if shop is not None:
            self._shop, self._login = shop, username
            self.session.authenticated = True
            return self.say(replies.LOGGED_IN)
        self._failed_logins += 1
        last = self._failed_logins >= self._house.limits.logins
        reply = replies.TOO_MANY_LOGINS if last else replies.BAD_CREDENTIALS
        self._house.tell(
            Event.LOGIN_REFUSED, None, client=self.session.peer, username=username[:200]
        )
        raise Refused(reply)

    def _plain(self, arg: str | None) -> None:
        if arg:
            raise Refused(replies.BAD_SYNTAX)

    def _can_start_tls(self) -> bool:
        return self._listener.tls is Tls.STARTTLS and not self.session.ssl

    def _can_log_in(self) -> bool:
        return bool(self.session.ssl and self._house.logins and self._login is None)

    def _bringer(self) -> Bringer:
        session, utf8 = self.session, self._transaction and self._transaction.smtp_utf8
        words = ("UTF8SMTP" if utf8 else "ESMTP") if session.extended_smtp else "SMTP"
        marks = ("S" if session.ssl else "") + ("A" if self._login is not None else "")
        return Bringer(session.peer or "", session.host_name or "", self._login, words + marks)


async def _unknown(_dialogue: Dialogue, _argument: str) -> None:
    raise Refused(replies.UNKNOWN)


async def _no_http(_dialogue: Dialogue, _argument: str) -> None:
    raise Refused(replies.NO_HTTP)


COMMANDS: dict[str, Callable[[Dialogue, str], Awaitable[None]]] = {
    name.removeprefix("smtp_"): method
    for name, method in vars(Dialogue).items()
    if name.startswith("smtp_")
}
# a web page can make a browser write to us
COMMANDS |= dict.fromkeys(("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"), _no_http)
