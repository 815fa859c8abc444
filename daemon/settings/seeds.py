"""Probe inboxes."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from daemon.settings.addresses import EmailAddress, Host, Name
from daemon.settings.login import Login
from daemon.settings.section import Refusal, Section, one_of, refuse
from daemon.settings.servers import ImapServer, open_login

PROVIDERS = ("aol", "comcast", "fastmail", "gmail", "gmx", "icloud", "outlook", "plain", "yahoo")


def _provider(value: str) -> str:
    if value not in PROVIDERS:
        expected = f"{', '.join(PROVIDERS[:-1])} or {PROVIDERS[-1]}"
        raise ValueError(one_of(expected, value))
    return value


Provider = Annotated[
    str,
    AfterValidator(_provider),
    WithJsonSchema({"type": "string", "enum": list(PROVIDERS)}),
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
    def _reachable_in_private(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.imap:
            yield from open_login(self.imap, "imap")
        elif self.provider == "plain":
            yield ("imap",), "is missing. The provider `plain` has no server of its own"

    @property
    def username(self) -> str:
        """The name to log in with."""
        return self.login.username or self.address
