"""What can be known of a customer's address without writing to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether mail to an address can be delivered, as far as DNS tells."""

    DELIVERABLE = "deliverable-looking"
    """The domain has a mail server; whether the mailbox exists, only that server knows."""
    SYNTAX = "syntax"
    """Not an address that may go on the wire."""
    NO_DOMAIN = "no such domain"
    NULL_MX = "null MX"
    """The domain says that it takes no mail (RFC 7505)."""
    NO_SERVER = "no mail server"
    """No MX record and no address (RFC 5321 5.1), or MX records that lead to nothing."""
    UNKNOWN = "unknown"
    """DNS gave no answer: says nothing about the address."""


class ProviderBy(StrEnum):
    """How the provider was recognised."""

    DOMAIN = "domain"
    MX = "mx"


@dataclass(frozen=True, slots=True)
class Addressee:
    """What is known of an address.

    `address` has its domain in A-labels; after `Verdict.SYNTAX` it is the text as it was given.
    `provider` is a name in `probes.addressee.providers`, None for any other. `mx` holds at the most
    ten hosts, best first. `suggestion` is the domain that was probably meant. `disposable` and
    `role` (an office, not a person: noreply@, info@) are hints. `sentence` and `remedy` are for
    people; there is no remedy where nothing is to be done.
    """

    address: str
    provider: str | None
    provider_by: ProviderBy | None
    mx: tuple[str, ...]
    verdict: Verdict
    suggestion: str | None
    disposable: bool
    role: bool
    sentence: str
    remedy: str | None

    @property
    def takes_no_mail(self) -> bool:
        """Whether it is certain that mail to this address is lost."""
        return self.verdict not in {Verdict.DELIVERABLE, Verdict.UNKNOWN}
