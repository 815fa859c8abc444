"""Where to connect and how to log in: shared by submission and mailboxes."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Tls(StrEnum):
    """How the connection is protected."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    """Required: a server that does not offer it is an error, never a downgrade."""
    NONE = "none"
    """Only where the operator wrote so; passwords are then refused except to loopback."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server; `ca_file` adds a private CA to verify it by (never turns verification off)."""

    host: str
    port: int
    tls: Tls
    ca_file: Path | None = None
    timeout_s: float = 30.0

    def tls_context(self) -> ssl.SSLContext:
        """A verifying client context: the private CA alone when given, else the system's."""
        return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)

    def may_carry_login(self, peer: str) -> bool:
        """Whether a login may be sent to `peer`, an IP address: never unprotected to others."""
        return self.tls is not Tls.NONE or ipaddress.ip_address(peer).is_loopback


@dataclass(frozen=True, slots=True)
class Password:
    """Login by AUTH PLAIN, AUTH LOGIN or IMAP LOGIN."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Login by XOAUTH2 or OAUTHBEARER; `access_token` returns a fresh one and may block.

    `refused` is told a token that a server did not take, so that it is not shown again.
    """

    username: str
    access_token: Callable[[], str] = field(repr=False)
    refused: Callable[[str], None] = field(default=lambda _token: None, repr=False)


Login = Password | Bearer
