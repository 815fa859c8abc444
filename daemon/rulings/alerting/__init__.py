"""Whom to tell what, now: grouped, deduplicated, capped, in nobody's quiet hours.

Record each `Due` (as the log's lines, in the same transaction as its queued delivery) before
anything is delivered: what is in the log counts as told, so a process that dies in between
neither forgets a notice nor makes it twice.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from daemon.rulings.alerting.facts import Contact, Due, Failure, Incident, Kind, Policy, Told
from daemon.rulings.alerting.pacing import allowed, room_for, within_cap
from daemon.rulings.alerting.quiet_hours import QuietHours
from daemon.rulings.alerting.redelivery import Attempt, next_try
from daemon.rulings.alerting.wishes import levels_of, of_channels, of_incidents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "Attempt",
    "Contact",
    "Due",
    "Failure",
    "Incident",
    "Kind",
    "Policy",
    "QuietHours",
    "Told",
    "due",
    "next_try",
]


def due(
    incidents: Sequence[Incident],
    contacts: Sequence[Contact],
    log: Sequence[Told],
    failures: Sequence[Failure],
    *,
    now: datetime,
    policy: Policy,
) -> list[Due]:
    """The notices to make now.

    `incidents` are those open, and those resolved whose contacts were not all told yet. `log` has
    every line about them, every line of the last hour, and operators' lines of the last day.
    `failures` are deliveries given up within the last day.
    """
    by_contact: dict[str, list[Told]] = defaultdict(list)
    for line in log:
        by_contact[line.contact].append(line)
    levels = levels_of(incidents, contacts)
    found: list[Due] = []
    for contact in contacts:
        heard = by_contact[contact.name]
        wishes = [
            *of_incidents(contact, incidents, levels, heard, now, policy),
            *of_channels(contact, failures, heard, now, policy),
        ]
        free = allowed(wishes, contact, heard, now)
        found += within_cap(free, contact, room_for(contact, heard, now, policy), now, policy)
    return found
