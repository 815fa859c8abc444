"""What is particular about one provider's mailboxes: data, and one function that reads headers.

Each file in `probes.mailboxes` exports one as `MAILBOX`. Nothing in it connects to anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probes.endpoint import Endpoint
    from probes.observation import FolderRole

LoginWay = Literal["password", "oauth"]


def says_nothing(_headers: Mapping[str, str], _role: FolderRole) -> tuple[str, ...]:
    """For a provider whose headers explain no delivery."""
    return ()


@dataclass(frozen=True, slots=True)
class MailboxKind:
    """One provider's mailboxes.

    `domains` are the addresses it gives out, `mx_suffixes` the ends of its mail exchangers' names
    (the longest one that fits tells the provider). `endpoint` is its IMAP server, None where every
    operator has his own.

    `logins` names what the server accepts today, `advice` tells a person how to get it.

    `spam_names` are its junk folders' names, whole or last part, in any case. `categories` are
    Gmail's inbox categories, most telling first. `trusted_hosts` are the suffixes of the hosts
    that write its Received and Authentication-Results lines. `idle` is false where IDLE is not to
    be relied upon; `needs_id` asks for an ID command behind the login (RFC 2971). `unseen` holds
    sentences on what IMAP cannot show there.

    `explain` takes the topmost header fields by lower-case name and the role of the folder the
    message is in now; it answers sentences about the delivery, for people.
    """

    name: str
    title: str
    domains: tuple[str, ...]
    mx_suffixes: tuple[str, ...]
    endpoint: Endpoint | None
    logins: tuple[LoginWay, ...]
    advice: str
    spam_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    idle: bool = True
    needs_id: bool = False
    unseen: tuple[str, ...] = ()
    explain: Callable[[Mapping[str, str], FolderRole], tuple[str, ...]] = says_nothing
