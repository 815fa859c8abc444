"""Every reply of the intake: its code (RFC 5321), its enhanced status code (RFC 3463), its words.

Nothing a client sent is ever repeated in a reply.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; `wire` is what is written, of several lines when `text` has several."""

    code: int
    status: str
    text: str
    wire: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lead = f"{self.status} " if self.status else ""
        lines = self.text.split("\n")
        marks = ["-"] * (len(lines) - 1) + [" "]
        wire = "".join(
            f"{self.code}{mark}{lead}{line}\r\n" for mark, line in zip(marks, lines, strict=True)
        )
        object.__setattr__(self, "wire", wire.encode("ascii"))

    @property
    def refuses(self) -> bool:
        """Whether it says no, for now or for good."""
        return self.code >= 400

    @property
    def mistake(self) -> bool:
        """Whether the client spoke wrongly (RFC 5321 section 4.2.4)."""
        return self.code in {500, 501, 502, 503, 504, 538, 555}

    @property
    def final(self) -> bool:
        """Whether the connection ends behind it (RFC 5321 sections 3.8 and 4.1.1.10)."""
        return self.code in {221, 421}


class Refused(Exception):  # noqa: N818 - what happened to the client's wish
    """Ends a command with the reply it carries."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@cache
def greeting(hostname: str) -> Reply:
    """The first word (RFC 5321 section 4.2); like EHLO's it has no enhanced code (RFC 2034)."""
    return Reply(220, "", f"{hostname} ESMTP Receiptwatch")


@cache
def welcome(hostname: str, *extensions: str) -> Reply:
    """The answer to HELO, and with extensions to EHLO."""
    return Reply(250, "", "\n".join((hostname, *extensions)))


def challenge(prompt: str) -> Reply:
    """A question in base64 within AUTH (RFC 4954 section 4)."""
    return Reply(334, "", prompt)


def queued(message: str) -> Reply:
    """The message is durable, under this id."""
    return Reply(250, "2.0.0", f"Ok: queued as {message}")


OK = Reply(250, "2.0.0", "Ok")
SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
GO_AHEAD = Reply(354, "", "End data with <CR><LF>.<CR><LF>")  # RFC 2034: none for 3xx
BYE = Reply(221, "2.0.0", "Bye")
START_TLS = Reply(220, "2.0.0", "Ready to start TLS")
LOGGED_IN = Reply(235, "2.7.0", "Authentication succeeded")
CANNOT_VERIFY = Reply(252, "2.5.0", "Addresses are not verified; send the message")

# the client spoke wrongly
TOO_LONG = Reply(500, "5.5.2", "Line too long")
UNKNOWN = Reply(500, "5.5.1", "Command not recognized")
NOT_TEXT = Reply(501, "5.5.2", "Bytes that are no text, or not ASCII without SMTPUTF8")
BAD_SYNTAX = Reply(501, "5.5.4", "Syntax error in the command's arguments")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
HELLO_FIRST = Reply(503, "5.5.1", "Send EHLO first")
OUT_OF_ORDER = Reply(503, "5.5.1", "Bad sequence of commands")
NO_RECIPIENTS = Reply(554, "5.5.1", "No valid recipients")
BAD_PARAMETER = Reply(555, "5.5.4", "Parameter not recognized")
NO_HTTP = Reply(421, "5.5.1", "This is a mail server")
MISTAKEN = Reply(421, "4.7.0", "Too many errors")

# who may send what to whom
BAD_ADDRESS = Reply(553, "5.1.3", "Not an address of the form local@domain")
BAD_SENDER = Reply(553, "5.1.7", "Not an address of the form local@domain")
NOT_ASCII = Reply(553, "5.6.7", "The part before the @ must be ASCII")
NO_RELAY = Reply(550, "5.7.1", "Relaying denied")
LOGIN_FIRST = Reply(530, "5.7.0", "Authentication required")
NOT_YOUR_DOMAIN = Reply(550, "5.7.1", "The sender's domain is not one of yours")
ANOTHERS_NAME = Reply(550, "5.7.1", "From, Sender or Reply-To names a domain of somebody else")
SEPARATELY = Reply(452, "4.5.3", "Send this recipient in a separate transaction")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
TOO_FAST = Reply(451, "4.7.1", "Too many messages, come again in a minute")

# authentication (RFC 4954 section 6)
ENCRYPT_FIRST = Reply(538, "5.7.11", "Encryption required for authentication")
BAD_CREDENTIALS = Reply(535, "5.7.8", "Authentication credentials invalid")
BAD_MECHANISM = Reply(504, "5.5.4", "Authentication mechanism not supported")
CANCELLED = Reply(501, "5.7.0", "Authentication cancelled")
NOT_BASE64 = Reply(501, "5.5.2", "Not the base64 that was expected")
TOO_MANY_LOGINS = Reply(421, "4.7.0", "Too many failed logins")

# the message
TOO_BIG = Reply(552, "5.3.4", "Message too big")
HEADER_TOO_BIG = Reply(552, "5.3.4", "Message header too big")
HAS_NUL = Reply(550, "5.6.0", "The message holds a NUL byte")
LOOP = Reply(554, "5.4.6", "Mail loop detected")

# we
BUSY = Reply(421, "4.3.2", "Too many connections, come again later")
TOO_MANY_FROM_YOU = Reply(421, "4.7.0", "Too many connections from your address")
CLOSING_DOWN = Reply(421, "4.3.2", "Shutting down, come again soon")
IDLE = Reply(421, "4.4.2", "Idle for too long")
DISK_LOW = Reply(421, "4.3.1", "Insufficient system storage")
NO_ROOM = Reply(452, "4.3.1", "Insufficient system storage")
NOT_NOW = Reply(451, "4.3.0", "Cannot take the message now, come again")
BROKEN = Reply(421, "4.3.0", "Local error, come again")
