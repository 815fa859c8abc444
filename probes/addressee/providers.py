"""Finds the provider behind a domain or a mail exchanger, over all who are described anywhere."""

from __future__ import annotations

from probes import mailboxes
from probes.addressee.provider import WITHOUT_SEEDS, Provider
from probes.catalogue import scan
from probes.mailbox_kind import MailboxKind

_WITH_SEEDS = tuple(
    Provider(kind.name, kind.title, kind.domains, kind.mx_suffixes)
    for kind in scan(mailboxes, "MAILBOX", MailboxKind).values()
    if kind.domains
)

PROVIDERS = {provider.name: provider for provider in (*_WITH_SEEDS, *WITHOUT_SEEDS)}

_BY_DOMAIN = {domain: name for name, provider in PROVIDERS.items() for domain in provider.domains}
_BY_SUFFIX = {
    suffix: name for name, provider in PROVIDERS.items() for suffix in provider.mx_suffixes
}


def of_domain(domain: str) -> str | None:
    """The provider that gives out addresses at `domain` (lower-case A-labels) itself."""
    return _BY_DOMAIN.get(domain)


def of_exchanger(host: str) -> str | None:
    """The provider whose mail exchanger `host` (lower case) is; the longest suffix decides."""
    labels = host.split(".")
    suffixes = (".".join(labels[start:]) for start in range(len(labels)))
    return next((_BY_SUFFIX[suffix] for suffix in suffixes if suffix in _BY_SUFFIX), None)
