"""What a rule answers to an observation, in one form for ours and for its competitors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from daemon.rulings.observations import Observation


@dataclass(frozen=True, slots=True)
class Alarm:
    """`what` is opened, cause or closed; a rule that names no cause leaves it None."""

    what: str
    route: str
    provider: str
    cause: str | None = None


class Rule(Protocol):
    """Reads one world's observations in order; a new one is made for each world."""

    def observe(self, observation: Observation) -> list[Alarm]:
        """What this observation makes the rule say."""
        ...

    def restart(self) -> None:
        """Go on as after a restart, with nothing but what was written down."""
        ...
