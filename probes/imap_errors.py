"""What can go wrong with a mailbox, told to a person: which host, what happened, what to do."""

from __future__ import annotations

import imaplib
import re
import ssl
import unicodedata

from imapclient.exceptions import ProtocolError

_LONGEST_WORDS = 300
_IMAPLIB_BYTES = re.compile(r"\[?b(['\"])(.*)\1\]?", re.DOTALL)
_THROTTLES = (
    *("[throttled]", "[limit]", "[inuse]", "[unavailable]", "rate limit", "too many"),
    *("user is authenticated but not connected", "server busy", "try again later"),
    *("bandwidth limit", "overquota"),
)


class MailboxError(Exception):
    """A mailbox could not be read; `sentence` says why, `retry_after_s` when to try again.

    `retry_after_s` is None where trying again helps only after a person has acted. After any of
    these the mailbox must be closed before it is opened again.
    """

    retry_after_s: int | None = 60

    def __init__(self, sentence: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class LoginRefused(MailboxError):  # noqa: N818 - reads as what it is
    """The server does not accept this login; a second try may lock the account."""

    retry_after_s = None


class Unreachable(MailboxError):  # noqa: N818 - reads as what it is
    """There is no connection: refused, unresolvable, unverified, broken, or dead."""


class ProtocolTrouble(MailboxError):  # noqa: N818 - reads as what it is
    """The server is there and does not do what it should: throttled, BYE, silent, nonsense."""


class CommandRefused(ProtocolTrouble):
    """The server answered NO or BAD to one command; the connection is still good."""


THROTTLED_S = 900
"""Gmail and Exchange Online lift a limit within minutes when left alone."""


def tidy(text: object, secrets: tuple[str, ...] = ()) -> str:
    """The server's own words in one line, without control characters and our secrets, capped."""
    plain = _IMAPLIB_BYTES.sub(r"\2", str(text)[: 4 * _LONGEST_WORDS])
    for secret in filter(None, secrets):
        plain = plain.replace(secret, "…")
    visible = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in plain)
    return " ".join(visible.split())[:_LONGEST_WORDS]


def is_throttle(words: str) -> bool:
    """Whether the server asks for fewer connections or commands, or for patience (RFC 5530)."""
    return any(sign in words.lower() for sign in _THROTTLES)


def throttled(where: str, words: str) -> ProtocolTrouble:
    """The error for a server that limits us."""
    return ProtocolTrouble(
        f"{where} is limiting this account: {words}. Leave it alone for {THROTTLED_S // 60} "
        "minutes, and close other programs that read it.",
        retry_after_s=THROTTLED_S,
    )


def translated(error: Exception, where: str, doing: str, secrets: tuple[str, ...]) -> MailboxError:
    """The MailboxError for whatever came out of the library or the socket while `doing`."""
    words = tidy(error, secrets) or type(error).__name__
    if isinstance(error, imaplib.IMAP4.error):
        return _from_imap(error, where, doing, words)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"{where} showed a certificate that cannot be verified: {error.verify_message}. "
            "Correct the host name, or give the private CA as ca_file."
        )
    if isinstance(error, TimeoutError):
        return ProtocolTrouble(
            f"{where} gave no answer in time while {doing}. It is frozen or far too slow; "
            "it will be connected anew."
        )
    if isinstance(error, OSError):
        return Unreachable(f"{where} cannot be reached while {doing}: {words}.")
    return ProtocolTrouble(f"{where} answered nonsense while {doing}: {words}.")


def _from_imap(error: Exception, where: str, doing: str, words: str) -> MailboxError:
    if is_throttle(words):
        return throttled(where, words)
    if isinstance(error, ProtocolError):
        return ProtocolTrouble(f"{where} answered nonsense while {doing}: {words}.")
    if isinstance(error, imaplib.IMAP4.abort):
        return Unreachable(f"The connection to {where} broke while {doing}: {words}.")
    return CommandRefused(f"{where} refused {doing}: {words}.")
