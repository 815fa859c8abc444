"""One seed's mailbox: whose it is, where it is, how to get in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.endpoint import Endpoint, Login
    from probes.mailbox_kind import MailboxKind


@dataclass(frozen=True, slots=True)
class Account:
    """A seed's mailbox; empty `trusted_hosts` become the kind's own."""

    seed: str
    address: str
    kind: MailboxKind
    endpoint: Endpoint
    login: Login
    trusted_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.trusted_hosts:
            object.__setattr__(self, "trusted_hosts", self.kind.trusted_hosts)
