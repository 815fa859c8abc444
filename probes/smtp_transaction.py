"""Mail transactions on an open SMTP connection (RFC 5321 section 3.3), one after another.

Addresses and message bytes go on the wire as given. Where the server takes pipelined commands
(RFC 2920), the whole envelope is one write.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from probes.reply_text import ReplyText, read_reply
from probes.smtp_wire import Silent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from probes.smtp_wire import Wire

_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f-\x9f<>\u2028\u2029\ud800-\udfff]")
_NO_SMTPUTF8 = ReplyText(
    553, "5.6.7", "The server does not take addresses in other scripts (it offers no SMTPUTF8)."
)


class Stage(StrEnum):
    """How far a submission came."""

    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


class Refused(Exception):  # noqa: N818 - reads as what it is; "Error" adds nothing
    """The server answered, and not what the command needs."""

    def __init__(self, reply: ReplyText) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Withdrawn(Exception):  # noqa: N818 - as Refused
    """`before_dot` said no: the connection was dropped, and nothing handed over."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message for one recipient.

    The addresses stand as they go on the wire, `sender` is "" for the null return path. `data` has
    CRLF line ends and no dot-stuffing; its lines may have any length, and hold 8-bit bytes. Raises
    ValueError for what cannot go on the wire as it is.
    """

    sender: str
    recipient: str
    data: bytes = field(repr=False)
    smtputf8: bool = False

    def __post_init__(self) -> None:
        """Less strict readers may take a bare CR or LF for the end, a bracket for a parameter."""
        for address in (self.sender, self.recipient):
            if _NOT_IN_A_PATH.search(address):
                raise ValueError(f"{address!a} cannot stand in an SMTP command.")
        pairs = self.data.count(b"\r\n")
        if self.data.count(b"\r") != pairs or self.data.count(b"\n") != pairs:
            raise ValueError("The message holds a bare CR or LF.")


class Station(StrEnum):
    """Points between which it matters whether a process dies."""

    CONNECTED = "connected"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    REPLIED = "replied"


def pass_by(_station: Station) -> None:
    """Nobody waits at the stations."""


async def go_on() -> bool:
    """A `before_dot` that holds nothing up."""
    return True


class Transactions:
    """What goes over one wire; `stage` and `handed_over` tell how far the newest one came."""

    def __init__(
        self,
        wire: Wire,
        extensions: frozenset[str],
        timeout_s: float,
        reached: Callable[[Station], None] = pass_by,
    ) -> None:
        self.stage = Stage.MAIL
        self.handed_over = False
        self._wire, self._extensions, self._timeout_s = wire, extensions, timeout_s
        self._reached = reached
        self._settled = True
        self._begun = False
        """Whether the server may hold an envelope of ours still."""

    @property
    def may_go_on(self) -> bool:
        """Whether another transaction may begin."""
        return self._settled and self._wire.quiet

    async def carry_out(
        self, mail: Transaction, before_dot: Callable[[], Awaitable[bool]], final_s: float
    ) -> ReplyText:
        """One transaction, as `Session.deliver` describes it."""
        self.handed_over, self.stage = False, Stage.MAIL
        commands = self._commands(mail)
        self._settled, self._begun = False, True
        if "pipelining" in self._extensions:
            await self._all_at_once(commands)
        else:
            await self._one_by_one(commands)
        return await self._hand_over(mail.data, before_dot, final_s)

    def _commands(self, mail: Transaction) -> list[tuple[Stage, bytes]]:
        plain = mail.sender.isascii() and mail.recipient.isascii()
        if not plain and "smtputf8" not in self._extensions:
            raise Refused(_NO_SMTPUTF8)
        return [
            *([(Stage.MAIL, b"RSET\r\n")] if self._begun else []),
            (Stage.MAIL, b"MAIL FROM:" + _path(mail.sender) + self._parameters(mail) + b"\r\n"),
            (Stage.RCPT, b"RCPT TO:" + _path(mail.recipient) + b"\r\n"),
            (Stage.DATA, b"DATA\r\n"),
        ]

    def _parameters(self, mail: Transaction) -> bytes:
        """SIZE (RFC 1870), BODY (RFC 6152) and SMTPUTF8 (RFC 6531), where they are understood."""
        wanted = {
            "size": b" SIZE=%d" % len(mail.data),
            "8bitmime": b"" if mail.data.isascii() else b" BODY=8BITMIME",
            "smtputf8": b" SMTPUTF8" if mail.smtputf8 else b"",
        }
        return b"".join(text for name, text in wanted.items() if name in self._extensions)

    async def _one_by_one(self, commands: list[tuple[Stage, bytes]]) -> None:
        for self.stage, command in commands:
            self._wire.write(command)
            await self._expect()

    async def _all_at_once(self, commands: list[tuple[Stage, bytes]]) -> None:
        self._wire.write(b"".join(command for _, command in commands))
        for answered, (self.stage, _) in enumerate(commands, 1):
            try:
                await self._expect()
            except Refused:
                await self._skip(len(commands) - answered)
                raise

    async def _expect(self) -> None:
        code, message = await self._wire.reply(self._timeout_s)
        if not (code == 354 if self.stage is Stage.DATA else code // 100 == 2):
            self._settled = _goes_on_after(code)
            raise Refused(read_reply(code, message))
        self._reached(Station(self.stage))

    async def _skip(self, count: int) -> None:
        """Read what else was pipelined; a 354 now waits for a message that will not come."""
        with suppress(Silent):
            replies = [await self._wire.reply(self._timeout_s) for _ in range(count)]
            self._settled &= all(_goes_on_after(reply.code) for reply in replies)
            return
        self._settled = False

    async def _hand_over(
        self,
        data: bytes,
        before_dot: Callable[[], Awaitable[bool]],
        final_s: float,
    ) -> ReplyText:
        await self._wire.write_all(_stuffed(data), self._timeout_s)
        if not await before_dot():
            self._wire.close()
            raise Withdrawn
        if self._wire.spoke:  # the server did not wait for the whole message: it does not want it
            raise Refused(read_reply(*await self._wire.reply(0)))
        self._wire.write(b".\r\n")
        self.handed_over = True
        self._reached(Station.DOT)
        code, message = await self._wire.reply(final_s)
        self._reached(Station.REPLIED)
        self._settled, self._begun = _goes_on_after(code), False
        if code // 100 != 2:
            raise Refused(read_reply(code, message))
        return read_reply(code, message)


def _goes_on_after(code: int) -> bool:
    """Whether the session stands where we think it does: after 421 it ends (RFC 5321 3.8)."""
    return code // 100 in {2, 4, 5} and code != 421


def _stuffed(data: bytes) -> bytes:
    """`data` as RFC 5321 section 4.5.2 sends it, without the final dot."""
    body = data.replace(b"\r\n.", b"\r\n..")
    return b"." * body.startswith(b".") + body + b"\r\n" * (not body.endswith(b"\r\n"))


def _path(address: str) -> bytes:
    return f"<{address}>".encode()
