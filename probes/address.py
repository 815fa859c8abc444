"""Mailbox addresses that may go on the wire: the plain ones, checked strictly.

An SMTP library guesses what a malformed address means, and may write to somebody else. Here only
`Dot-string@Domain` of RFC 5321 section 4.1.2 passes: no quotes, no comments, no source routes, no
address literals. Domains in other scripts become A-labels (RFC 5891).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

LONGEST_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1
LONGEST_DOMAIN = 253  # RFC 1035 section 2.3.4, in presentation form
LONGEST_ADDRESS = 320
LONGEST_NAME = 200

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class AddressError(ValueError):
    """Not an address that may go on the wire; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name (may be empty, any script, one line) and a checked address."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The domain of the address, in A-labels and lower case."""
        return self.address.rpartition("@")[2]


def check_address(address: str) -> str:
    """`address` with its domain in lower-case A-labels; raises AddressError with the reason."""
    shown = _shown(address)
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or len(address) > LONGEST_ADDRESS:
        raise AddressError(f"{shown} is not an address of the form local@domain.")
    if not local.isascii():
        raise AddressError(f"{shown} has letters before the @ that not every mail server accepts.")
    if len(local) > LONGEST_LOCAL_PART or not _LOCAL_PART.fullmatch(local):
        raise AddressError(f"{shown} has a part before the @ that we do not send to.")
    return f"{local}@{_a_labels(domain, shown)}"


def parse_mailbox(text: str) -> Mailbox:
    """Read `Name <local@domain>`, `"Name" <local@domain>` or `local@domain`.

    The name may hold any script and a comma, but no quotes, backslashes or angle brackets inside.
    Raises AddressError.
    """
    if not is_one_line(text):
        raise AddressError(f"{_shown(text)} is not one plain line.")
    name, bracket, rest = text.strip().partition("<")
    if not bracket:
        return Mailbox("", check_address(name))
    if not rest.endswith(">"):
        raise AddressError(f"{_shown(text)} does not end with the address in angle brackets.")
    return Mailbox(_display_name(name.strip()), check_address(rest[:-1]))


def is_one_line(text: str) -> bool:
    """Whether `text` may stand in a header field: no line break, NUL or other control character."""
    return not any(unicodedata.category(letter) in _UNSEEN for letter in text)


def _display_name(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    name = text[1:-1].strip() if quoted else text
    if len(name) > LONGEST_NAME or set(name) & {'"', "\\", ">"}:
        raise AddressError(f"{_shown(name)} is not a display name of one plain line.")
    if set(name) & _DIRECTION_MARKS:
        raise AddressError(f"{_shown(name)} holds invisible marks that turn the text around.")
    return name


def _a_labels(domain: str, shown: str) -> str:
    try:
        plain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise AddressError(f"{shown} has a domain that is no valid name.") from error
    if len(plain) > LONGEST_DOMAIN or not _DOMAIN.fullmatch(plain):
        raise AddressError(f"{shown} has a domain that is no valid name.")
    return plain


def _shown(text: str) -> str:
    """The text, short and printable, for an error."""
    return ascii(text if len(text) <= 80 else f"{text[:80]}…") if text else "An empty text"
