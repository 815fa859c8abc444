"""A rota for tests: lives through incidents tick by tick and keeps the log a ledger would keep."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from daemon.rulings.alerting import Contact, Due, Failure, Incident, Policy, Told, due

if TYPE_CHECKING:
    from collections.abc import Iterable

START = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
POLICY = Policy()


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def owner(name: str = "sara", **changes: object) -> Contact:
    fields = {"language": "en", "zone": "UTC", "channel": "email", "shops": frozenset({"saffron"})}
    return Contact(name, **{**fields, **changes})  # type: ignore[arg-type] # tests name what differs


def incident(identity: str = "i-1", at: float = 0, **changes: object) -> Incident:
    """One that opens `at` minutes after the start."""
    fields = {"shop": "saffron", "opened_at": START + minutes(at), "cause": "route"}
    return Incident(identity, **{**fields, **changes})  # type: ignore[arg-type] # as owner


@dataclass
class Duty:
    contacts: list[Contact]
    policy: Policy = POLICY
    now: datetime = START
    incidents: dict[str, Incident] = field(default_factory=dict)
    log: list[Told] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    sent: list[tuple[datetime, Due]] = field(default_factory=list)

    def put(self, *incidents: Incident) -> None:
        self.incidents |= {i.id: i for i in incidents}

    def change(self, identity: str, **changes: object) -> None:
        self.incidents[identity] = replace(self.incidents[identity], **changes)  # type: ignore[arg-type] # as owner

    def tick(self, after: float = 0) -> list[Due]:
        """What is due `after` so many minutes; it is logged, as the ledger would."""
        self.now += minutes(after)
        known = [i for i in self.incidents.values() if i.opened_at <= self.now]
        found = due(known, self.contacts, self.log, self.failures, now=self.now, policy=self.policy)
        self.log += [line for notice in found for line in notice.told]
        self.sent += [(self.now, notice) for notice in found]
        return found

    def through(self, minutes_long: int, step: float = 1) -> list[Due]:
        """Every notice of that time."""
        return [n for _ in range(int(minutes_long / step)) for n in self.tick(step)]


def kinds(notices: Iterable[Due]) -> list[str]:
    return [str(notice.kind) for notice in notices]
