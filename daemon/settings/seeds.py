"""Probe inboxes."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from daemon.settings.addresses import EmailAddress, Host, Name
from daemon.settings.login import Login
from daemon.settings.section import Refusal, Section, one_of, refuse
from daemon.settings.servers import ImapServer, open_login
from probes import catalogue, mailboxes
from probes.mailbox_kind import MailboxKind

KINDS = catalogue.scan(mailboxes, "MAILBOX", MailboxKind)
"""Every provider that a seed may be at, by name."""


def _provider(value: str) -> str:
    if value not in KINDS:
        *names, last = KINDS
        raise ValueError(one_of(f"{', '.join(names)} or {last}", value))
    return value


Provider = Annotated[
    str,
    AfterValidator(_provider),
    WithJsonSchema({"type": "string", "enum": list(KINDS)}),
]


class Seed(Section):
    """A probe inbox at a provider, used for nothing else and touched by nobody."""

    name: Name
    """A short name of your own, seen in tables and metrics."""
    provider: Provider
    """Who runs the mailbox; `plain` is any other IMAP server, given in `imap`."""
    address: EmailAddress
    """The address that probes are sent to."""
    login: Login
    """How to log in to read it; it is only ever read."""
    imap: ImapServer | None = None
    """Another server than the provider's own."""
    trusted_hosts: Annotated[tuple[Host, ...], Field(max_length=50)] = ()
    """Host-name suffixes whose Received lines are believed; the provider's own by default."""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        kind = KINDS[self.provider]
        if self.imap:
            yield from open_login(self.imap, "imap")
        elif kind.endpoint is None:
            yield ("imap",), f"is missing. The provider `{kind.name}` has no server of its own"
        elif self.login.kind not in kind.logins:
            yield ("login", "kind"), f"does not work at {kind.title}. {kind.advice}"

    @property
    def username(self) -> str:
        """The name to log in with."""
        return self.login.username or self.address
