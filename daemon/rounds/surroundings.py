"""What every round works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.clock import Clock
    from daemon.ledger.database import Ledger
    from daemon.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The ledger, the time and the metrics, in one hand."""

    ledger: Ledger
    clock: Clock
    metrics: Metrics
