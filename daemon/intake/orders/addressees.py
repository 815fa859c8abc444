"""The addresses in From, To and Cc (RFC 5322 3.4), read in linear time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemon.intake.orders.plain_text import one_line
from probes.address import LONGEST_NAME, AddressError, Mailbox, check_address
from probes.comments import Part, without
from probes.encoded_text import decoded_words
from probes.letter import TooHostile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.letter import Letter

MAX_ADDRESSES = 100

# up to a separator that stands in no quotes; an unclosed quote runs to the end
_ENTRY = re.compile(r'((?:[^",;:\\]|\\(?:.|\Z)|"(?:[^"\\]|\\(?:.|\Z))*+(?:"|\Z))++)(:?)', re.DOTALL)


def mailboxes(letter: Letter, *names: str) -> tuple[Mailbox, ...]:
    """The mailboxes in the fields of these names, each once; those that break a rule left out.

    Raises TooHostile beyond 100 addresses, and where a field is written but names nobody.
    """
    found: dict[str, Mailbox] = {}
    for field in (field for name in names for field in letter.all(name)):
        there = [mailbox for entry in _entries(field.value) if (mailbox := _mailbox(entry))]
        # "undisclosed-recipients:;" names nobody, and says so
        if field.value and not there and field.value[-1] not in ":;":
            raise TooHostile(f"no address in its {field.name.title()} can be read")
        for mailbox in there:
            found.setdefault(mailbox.address.casefold(), mailbox)
        if len(found) > MAX_ADDRESSES:
            raise TooHostile(f"it is addressed to more than {MAX_ADDRESSES} addresses")
    return tuple(found.values())


def _entries(value: str) -> Iterator[str]:
    """What stands between the commas; of a group ("friends: a@x, b@x;") its members."""
    for entry in _ENTRY.finditer(without(value, Part.COMMENT)):
        if entry[1].strip() and not entry[2]:
            yield entry[1].strip()


def _mailbox(entry: str) -> Mailbox | None:
    bare = without(entry, Part.QUOTED)
    address = bare.rpartition("<")[2].partition(">")[0] if "<" in bare else bare
    try:
        checked = check_address(address.strip())
    except AddressError:
        return None
    return Mailbox(_name(entry) if "<" in bare else "", checked)


def _name(entry: str) -> str:
    written = entry.rpartition("<")[0].strip()
    if written.startswith('"'):
        written = written.strip('"').replace('\\"', '"').replace("\\\\", "\\")
    return one_line(decoded_words(written), LONGEST_NAME) or ""
