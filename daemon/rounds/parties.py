"""Who takes part in a round: the routes that send and the seeds that are sent to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.rulings.schedule import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.endpoint import Endpoint, Login
    from probes.mailbox import Account
    from probes.receipt import Template

OPERATOR = ""
"""The shop of what belongs to the operator: the control route."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way of sending, with the identity that it sends as."""

    shop: str
    name: str
    role: str
    sender: str
    """The From: mailbox, "Example Shop <orders@shop.example>"."""
    mail_from: str
    endpoint: Endpoint
    login: Login | None
    helo: str | None
    languages: tuple[str, ...]
    currency: str
    template: Template | None


@dataclass(frozen=True, slots=True)
class Seed:
    """A probe inbox; `credential` changes when its login does, and tells nothing else."""

    name: str
    provider: str
    account: Account
    credential: str


def pairs_of(routes: Iterable[Route], seeds: Iterable[Seed]) -> list[Pair]:
    """Every route with every seed."""
    known = list(seeds)
    return [Pair(r.shop, r.name, r.role, s.name) for r in routes for s in known]
