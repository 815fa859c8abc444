"""When a contact may be disturbed, by how many notices, and what goes into each."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.rulings.alerting.facts import Due, Kind, Told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daemon.rulings.alerting.facts import Contact, Policy
    from daemon.rulings.alerting.wishes import Wish

BUDGET_WINDOW = timedelta(hours=1)


def allowed(
    wishes: list[Wish], contact: Contact, heard: Sequence[Told], now: datetime
) -> list[Wish]:
    """The wishes that neither quiet hours nor the contact's gap hold back."""
    if contact.quiet and contact.quiet.hold(now, contact.zone):
        return [wish for wish in wishes if wish.critical and contact.wakes]
    last = max((line.at for line in heard), default=None)
    if last and now - last < contact.gap:
        return [wish for wish in wishes if wish.critical]
    return wishes


def room_for(contact: Contact, heard: Sequence[Told], now: datetime, policy: Policy) -> int:
    """How many notices the contact may still get; one at a time where a gap is wanted."""
    lately = {line.key for line in heard if now - line.at < BUDGET_WINDOW}
    left = policy.cap - len(lately)
    return min(left, 1) if contact.gap else left


def within_cap(
    wishes: list[Wish], contact: Contact, room: int, now: datetime, policy: Policy
) -> list[Due]:
    """One notice per kind and shop; one digest per kind when those are many or room is short."""
    found: list[Due] = []
    for kind in sorted({w.kind for w in wishes}, key=lambda kind: _urgency(kind, wishes)):
        groups = _grouped([wish for wish in wishes if wish.kind is kind])
        if len(groups) > min(room, policy.digest_above):
            groups = [[wish for group in groups for wish in group]]
        if room < len(groups):
            break
        found += [_due(contact, group, now) for group in groups]
        room -= len(groups)
    return found


def _urgency(kind: Kind, wishes: list[Wish]) -> tuple[bool, int]:
    critical = any(wish.critical for wish in wishes if wish.kind is kind)
    return not critical, list(Kind).index(kind)


def _grouped(wishes: list[Wish]) -> list[list[Wish]]:
    """By shop, whatever is critical and old first; a failing channel stands alone."""
    groups: dict[tuple[str, str], list[Wish]] = defaultdict(list)
    for wish in sorted(wishes, key=lambda w: (not w.critical, w.since, w.about)):
        groups[wish.shop, "" if wish.shop else wish.about].append(wish)
    return list(groups.values())


def _due(contact: Contact, group: list[Wish], now: datetime) -> Due:
    kind = group[0].kind
    parts = sorted([w.about, w.episode, w.cause if kind in _BY_CAUSE else "", w.nth] for w in group)
    identity = json.dumps([contact.name, kind, parts])
    key = f"rw-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
    told = tuple(Told(key, contact.name, kind, now, w.about, w.episode, w.cause) for w in group)
    return Due(contact.name, kind, tuple(w.about for w in group), key, told)


_BY_CAUSE = frozenset({Kind.CAUSE_CHANGED, Kind.OPERATOR})
"""Kinds that are told again with another cause (of an operator's notice: another failure)."""
