"""Where what comes back is received."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from daemon.settings.addresses import EmailAddress
from daemon.settings.login import Login
from daemon.settings.section import Refusal, Section, refuse
from daemon.settings.servers import ImapServer, open_login

LONGEST_BASE = 38
"""Octets before the @; with a `+` and a token they stay within the 64 of RFC 5321, 4.5.3.1.1."""


def _base(value: str) -> str:
    local = value.rpartition("@")[0]
    if len(local) > LONGEST_BASE:
        raise ValueError(
            f"must have at most {LONGEST_BASE} characters before the @: each mail adds a mark there"
        )
    if "+" in local:
        raise ValueError("must have no + before the @: each mail adds one there, with its mark")
    return value


class Bounces(Section):
    """The shop's return path, and the mailbox behind it if bounces are not brought to `intake`."""

    address: Annotated[EmailAddress, AfterValidator(_base)]
    """Where bounces go; bounces+MARK at its domain must arrive at the same place."""
    imap: ImapServer | None = None
    """The server to read that mailbox from; without it bounces must be brought to `intake`."""
    login: Login | None = None
    """How to log in to read it; it is only ever read."""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.imap:
            yield from open_login(self.imap, "imap")
            if not self.login:
                yield ("login",), "is missing. The mailbox needs to be logged in to"
        elif self.login:
            yield ("imap",), "is missing. Where is the mailbox that `login` belongs to?"

    @property
    def username(self) -> str:
        """The name to log in with."""
        return (self.login and self.login.username) or self.address
