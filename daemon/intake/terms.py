"""On which terms mail is taken in: where we listen, for which shops, and how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from probes.endpoint import Tls

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

Network = IPv4Network | IPv6Network

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen at; port 0 takes a free one. `context` belongs to TLS of either kind."""

    host: str
    port: int
    tls: Tls = Tls.NONE
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if (self.tls is Tls.NONE) is not (self.context is None):
            raise ValueError(f"TLS {self.tls.value!r} and a context that does not fit it")


@dataclass(frozen=True, slots=True)
class Login:
    """A shop's username and the argon2id hash (PHC string) of its password."""

    username: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that mail is taken in for.

    One that relays may send to anybody, from `senders` alone: domains in lower-case A-labels, each
    with those below it. It proves who it is by `login`, or by coming from one of its `networks`.
    What arrives at one of `copy_to`, from anybody, is watched only. `per_minute` caps its messages.
    """

    name: str
    relays: bool = False
    senders: frozenset[str] = frozenset()
    login: Login | None = None
    networks: tuple[Network, ...] = ()
    copy_to: tuple[str, ...] = ()
    per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken. Times in seconds, sizes in bytes."""

    message_bytes: int = 25 * MEGABYTE
    recipients: int = 100
    connections: int = 1_200
    connections_per_ip: int = 50
    idle_s: float = 300.0
    """Between two commands, and between two pieces of a message."""
    data_s: float = 900.0
    """For one message from 354 to its last dot."""
    mistakes: int = 20
    """Commands that were wrong, in one connection."""
    logins: int = 3
    """Refused logins in one connection."""
    bounces_per_minute: int = 600
    """For one shop: anybody may write to a return path of ours."""
    memory_bytes: int = 64 * MEGABYTE
    """For unfinished messages of all connections together; what is more lies on the disk."""
    disk_bytes: int = 1024 * MEGABYTE
    """For unfinished messages of all connections together."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The whole. `hostname` is our name in greetings and Received fields, and marks loops.

    Unfinished large messages lie in `folder`; None takes the system's folder for such files.
    """

    hostname: str
    listeners: tuple[Listener, ...]
    shops: tuple[Shop, ...]
    limits: Limits = field(default_factory=Limits)
    folder: Path | None = None
