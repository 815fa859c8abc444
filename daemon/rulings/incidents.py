"""What the watch has to say: an incident opens, changes its cause, closes; a seed is at fault."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from daemon.rulings.attribution import Cause
from daemon.rulings.reasons import closed, facts, opened, seed_fault
from daemon.rulings.seed_faults import Fault
from daemon.rulings.standing.cells import Habit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daemon.rulings.lanes import Lane, Receipt
    from daemon.rulings.thresholds import Thresholds

EVIDENCE = 20
"""The latest bad probes that an event names."""


class Happening(StrEnum):
    """What an event says."""

    OPENED = "opened"
    CAUSE = "cause"
    CLOSED = "closed"
    SEED_FAULT = "seed_fault"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell.

    `why` is one English sentence for the owner, or for the operator when a seed is at fault;
    `facts` holds what it says, for other languages; `probes` is the evidence.
    """

    at: datetime
    event: Happening
    incident: str
    shop: str
    route: str
    provider: str
    seed: str | None
    cause: Cause
    probability: float
    why: str
    probes: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event as `receiptwatch replay` writes it."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return document | {
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "probability": round(self.probability, 4),
        }


def incident_id(key: Sequence[str], at: float, kind: str = "i") -> str:
    """An id that the same observations always give: of the lane and the instant."""
    text = "\0".join([*key, repr(at)])
    return f"{kind}-{hashlib.blake2s(text.encode(), digest_size=6).hexdigest()}"


def incident_event(
    lane: Lane,
    at_provider: Sequence[Lane],
    at: datetime,
    what: Happening,
    thresholds: Thresholds,
    *,
    relapse: bool,
) -> Event:
    """What to tell of a lane's incident, which it still has."""
    found = facts(lane, at_provider, thresholds) | {"relapse": relapse}
    cause = Cause(lane.cause or Cause.ROUTE)
    why = closed(lane) if what is Happening.CLOSED else opened(lane, cause, found)
    probability, probes = lane.standing.p_bad, _evidence(lane)
    return Event(
        at, what, lane.incident or "", *lane.key, None, cause, probability, why, probes, found
    )


def seed_event(lane: Lane, receipt: Receipt, fault: Fault, at: datetime) -> Event:
    """What to tell the operator of a seed."""
    habit = Habit.LOCKED if fault is Fault.LOCKED else Habit.WELL
    return Event(
        at,
        Happening.SEED_FAULT,
        incident_id((*lane.key, receipt.seed), receipt.at, "s"),
        *lane.key,
        receipt.seed,
        Cause.SEED,
        lane.standing.chance(receipt.seed, habit),
        seed_fault(receipt.seed, fault),
        tuple(r.probe for r in lane.recent.values() if r.seed == receipt.seed)[-EVIDENCE:],
        {"fault": str(fault)},
    )


def _evidence(lane: Lane) -> tuple[str, ...]:
    since = lane.standing.at if lane.since is None else lane.since
    return tuple(receipt.probe for receipt in lane.receipts(since) if receipt.bad)[-EVIDENCE:]
