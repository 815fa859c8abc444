"""A shop's routes as order mail uses them: how each is spoken to, and how it fares just now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.rulings.retries import route_pause
from probes.return_path import signed

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.ledger.attempts import Claimed
    from daemon.outbound.pool import Pool
    from daemon.outbound.signing import Signer

WINDOW = 4
"""Messages in hand for each connection: while one is on the wire, others are begun and recorded."""


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """Below `base` each attempt gets a return path of its own, signed with `key`."""

    base: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WayOut:
    """How a route carries order mail, by at most `connections` at a time.

    Without a `return_path` a message keeps the one that it came with.
    """

    pool: Pool
    connections: int
    return_path: ReturnPath | None = None
    signer: Signer | None = None

    def mail_from(self, claimed: Claimed) -> str:
        """The envelope's sender. The null one stays: nothing may come back to it."""
        if self.return_path is None or not claimed.mail_from:
            return claimed.mail_from
        return signed(self.return_path.base, self.return_path.key, claimed.attempt)


@dataclass(slots=True)
class Health:
    """Whether a route can be reached: after a failure one mail at a time finds out."""

    failures: int = 0
    _until: datetime | None = None
    _asking: int = 0

    def down(self, now: datetime) -> bool:
        """Whether it could not be reached just now, and nobody is to try at this moment."""
        return self._until is not None and (self._asking > 0 or now < self._until)

    def ask(self) -> None:
        """Somebody tries."""
        self._asking += 1

    def asked(self) -> None:
        """He tried."""
        self._asking -= 1

    def reached(self) -> None:
        """The server spoke of the mail."""
        self.failures, self._until = 0, None

    def unreached(self, now: datetime) -> None:
        """It could not be used; those who tried at the same time count once."""
        if self._until is None or now >= self._until:
            self.failures += 1
            self._until = now + route_pause(self.failures)


@dataclass(slots=True, eq=False)
class Lane:
    """A route with what is in hand for it; `way` None for one that the settings know no longer."""

    shop: str
    route: str
    way: WayOut | None
    health: Health = field(default_factory=Health)
    in_hand: int = 0
    more: bool = False
    """Whether more was due than was claimed at last."""

    @property
    def name(self) -> tuple[str, str]:
        """The shop and its route."""
        return self.shop, self.route

    @property
    def window(self) -> int:
        """How many may be in hand."""
        return WINDOW * (self.way.connections if self.way else 1)

    @property
    def half_empty(self) -> bool:
        """Whether half of what may be in hand is gone."""
        return self.in_hand <= self.window // 2

    def room(self, now: datetime, *, spared: bool) -> int:
        """How many more to claim; `spared` when another route may take what this one cannot."""
        most = self.window
        if self.health.failures and not spared:
            most = 0 if self.health.down(now) else 1
        return max(0, most - self.in_hand)
