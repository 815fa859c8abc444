"""What each contact should hear by now, were there no quiet hours and no limits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.rulings.alerting.facts import ALARMS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from daemon.rulings.alerting.facts import Contact, Failure, Incident, Policy, Told


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that a contact should hear; `nth` tells repetitions apart."""

    kind: Kind
    shop: str
    about: str
    since: datetime
    episode: int = 0
    cause: str = ""
    nth: int = 0
    critical: bool = False


def _concerns(contact: Contact, incident: Incident) -> bool:
    return contact.operator if incident.for_operator else incident.shop in contact.shops


def levels_of(
    incidents: Sequence[Incident], contacts: Sequence[Contact]
) -> dict[tuple[bool, str], list[int]]:
    """The ranks of those concerned, in order, by (for the operator, shop)."""
    circles = {(i.for_operator, i.shop): i for i in incidents}
    return {
        circle: sorted({c.rank for c in contacts if _concerns(c, example)})
        for circle, example in circles.items()
    }


def of_incidents(
    contact: Contact,
    incidents: Sequence[Incident],
    levels: Mapping[tuple[bool, str], list[int]],
    heard: Sequence[Told],
    now: datetime,
    policy: Policy,
) -> list[Wish]:
    """What `contact`, who `heard` those lines, should hear of the incidents; `levels` of all."""
    lines: dict[tuple[str, int], list[Told]] = defaultdict(list)
    for line in heard:
        lines[line.about, line.episode].append(line)
    wishes: list[Wish] = []
    for incident in incidents:
        if not _concerns(contact, incident):
            continue
        told = lines[incident.id, incident.episode]
        level = levels[incident.for_operator, incident.shop].index(contact.rank)
        kind = _kind(incident, told, level, now, policy)
        if kind:
            wishes.append(_wish(incident, kind, told))
    return _settled(wishes, now, policy)


def _kind(
    incident: Incident, told: Sequence[Told], level: int, now: datetime, policy: Policy
) -> Kind | None:
    """What to tell somebody at `level` (0 first) who heard `told` of this episode."""
    if incident.resolved_at:
        return Kind.RESOLVED if _reached(told) and not _heard(told, Kind.RESOLVED) else None
    if told:
        return _later(incident, told, now, policy)
    # An escalation counts from the opening: a first contact asleep is no reason for silence.
    waited = now - incident.opened_at >= level * policy.escalate_after
    if incident.acknowledged_at or not waited:
        return None
    return Kind.ESCALATED if level else Kind.OPENED


def _later(incident: Incident, told: Sequence[Told], now: datetime, policy: Policy) -> Kind | None:
    # Each cause once an episode: a cause that flaps is not news each time.
    if incident.cause not in {line.cause for line in told}:
        return Kind.CAUSE_CHANGED
    last = max(line.at for line in told)
    overdue = not incident.acknowledged_at and now - last >= policy.remind_after
    return Kind.REMINDER if overdue else None


def _reached(told: Sequence[Told]) -> bool:
    return any(line.kind in ALARMS and not line.given_up for line in told)


def _heard(told: Sequence[Told], kind: Kind) -> bool:
    return any(line.kind is kind for line in told)


def _wish(incident: Incident, kind: Kind, told: Sequence[Told]) -> Wish:
    return Wish(
        kind,
        incident.shop,
        incident.id,
        since=incident.opened_at,
        episode=incident.episode,
        cause=incident.cause,
        nth=sum(line.kind is kind for line in told),
        critical=incident.critical and kind in ALARMS,
    )


def _settled(wishes: list[Wish], now: datetime, policy: Policy) -> list[Wish]:
    """Without openings at a shop whose first one is too fresh: others may follow within moments."""
    first: dict[str, datetime] = {}
    for wish in wishes:
        if wish.kind is Kind.OPENED:
            first[wish.shop] = min(first.get(wish.shop, wish.since), wish.since)
    ripe = {shop for shop, since in first.items() if now - since >= policy.group_wait}
    return [wish for wish in wishes if wish.kind is not Kind.OPENED or wish.shop in ripe]


def of_channels(
    contact: Contact,
    failures: Sequence[Failure],
    heard: Sequence[Told],
    now: datetime,
    policy: Policy,
) -> list[Wish]:
    """Failing channels that this operator, on another channel, was not told of lately."""
    if not contact.operator:
        return []
    lately = {
        line.about
        for line in heard
        if line.kind is Kind.OPERATOR and now - line.at < policy.remind_after
    }
    newest = {failure.channel: failure.key for failure in failures}
    return [
        Wish(Kind.OPERATOR, "", channel, now, cause=key)
        for channel, key in newest.items()
        if channel != contact.channel and channel not in lately
    ]
