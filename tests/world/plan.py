"""The map of the mail world: who lives at which address, under which name, with which password.

Everything stands on `127.N.x.y`; a second world takes another N and lives beside the first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SMTP, SUBMISSION, IMAP_STARTTLS, IMAP_TLS, LMTP = 25, 587, 1143, 1993, 2424
INTAKE = 2525
DNS_PORT = 5353  # the same zone also on 53, for programs that know no other port
PASSWORD = "orange-window-42"
SEED_USERS = ("probe1", "probe2", "probe3")
FULL, GREYLISTED = "full", "greylisted"


@dataclass(frozen=True, slots=True)
class Provider:
    """A mailbox provider: its MX, its IMAP server and the name of its spam folder."""

    name: str
    ip: str
    junk: str

    @property
    def domain(self) -> str:
        return f"{self.name}.test"

    @property
    def mx(self) -> str:
        return f"mx.{self.domain}"

    @property
    def imap(self) -> str:
        return f"imap.{self.domain}"

    def address(self, user: str) -> str:
        return f"{user}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Route:
    """A submission server with a sender identity and a DKIM key of its own."""

    name: str
    domain: str
    hostname: str
    ip: str
    selector: str
    ca_file: Path
    port: int = SUBMISSION
    password: str = field(default=PASSWORD, repr=False)

    @property
    def username(self) -> str:
        return f"{self.name}@{self.domain}"

    @property
    def sender(self) -> str:
        """The address in From."""
        return f"orders@{self.domain}"

    @property
    def mail_from(self) -> str:
        """The envelope sender; what bounces goes to the domain's MX (`World.bounces`)."""
        return f"bounces-{self.name}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Seed:
    """A probe inbox and how to read it."""

    provider: str
    user: str
    address: str
    host: str
    ca_file: Path
    junk: str
    domain: str
    tls_port: int = IMAP_TLS
    starttls_port: int = IMAP_STARTTLS
    password: str = field(default=PASSWORD, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """One world: its folder and its network number."""

    folder: Path
    network: int = 0

    def ip(self, subnet: int, host: int) -> str:
        return f"127.{self.network}.{subnet}.{host}"

    @property
    def dns(self) -> str:
        return self.ip(53, 1)

    @property
    def black_hole(self) -> str:
        return self.ip(53, 9)

    @property
    def rspamd(self) -> str:
        return self.ip(99, 1)

    @property
    def relay_auth(self) -> str:
        return self.ip(99, 2)

    @property
    def policy(self) -> str:
        return self.ip(99, 3)

    @property
    def introspection(self) -> str:
        return self.ip(99, 4)

    @property
    def intake(self) -> str:
        """Where a story may take in what comes back to signed return paths; port `INTAKE`."""
        return self.ip(99, 5)

    @property
    def ca_file(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    def providers(self) -> tuple[Provider, ...]:
        return (
            Provider("gmail", self.ip(11, 1), "[Gmail]/Spam"),
            Provider("outlook", self.ip(12, 1), "Junk"),
            Provider("yahoo", self.ip(13, 1), "Bulk"),
        )

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("primary", "shop.test", "relay.shop.test", self.ip(10, 25), "s1", self.ca_file),
            Route("fallback", "shop.test", "backup.shop.test", self.ip(20, 25), "s2", self.ca_file),
            Route(
                "control", "control.test", "mail.control.test", self.ip(30, 25), "c1", self.ca_file
            ),
        )

    def seed(self, provider: Provider, user: str) -> Seed:
        return Seed(
            provider.name,
            user,
            provider.address(user),
            provider.ip,
            self.ca_file,
            provider.junk,
            provider.domain,
        )

    def room(self, name: str, owner: tuple[int, int] | None = None) -> Path:
        """A folder of the world, created; it belongs to `owner` (uid, gid) when given."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        if owner:
            os.chown(folder, *owner)
        return folder
