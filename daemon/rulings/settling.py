"""What has become of a probe that was not seen, and when to look at one that was.

Absence needs a witness: a probe is overdue only when its mailbox was read, completely, after the
deadline. A mailbox that could not be read says nothing about the route.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from daemon.lifecycles.probe import ProbeState

LOST_AFTER = timedelta(hours=48)
"""Microsoft's zero-hour purge and slow queues act within two days; nothing comes after."""

LOOKS = (timedelta(hours=1), timedelta(hours=24), timedelta(hours=48))
"""When a sighted probe is looked at again, counted from its submission."""


def settle(
    state: ProbeState,
    deadline_at: datetime,
    last_look_at: datetime | None,
    now: datetime,
    patience: timedelta,
) -> ProbeState | None:
    """The state an unseen probe moves to now, or None to wait.

    `last_look_at` is the beginning of the mailbox's last complete look; `patience` is how long
    after the deadline such a look may take before the mailbox counts as unreadable.
    """
    if now < deadline_at:
        return None
    witnessed = last_look_at is not None and last_look_at >= deadline_at
    if state is ProbeState.PLANNED:
        return ProbeState.UNSENT
    if state is ProbeState.OVERDUE:
        return ProbeState.LOST if now >= deadline_at + LOST_AFTER else None
    if state in {ProbeState.SUBMITTED, ProbeState.UNOBSERVED} and witnessed:
        return ProbeState.OVERDUE
    if state is ProbeState.SUBMITTED and now >= deadline_at + patience:
        return ProbeState.UNOBSERVED
    return None


def next_look(submitted_at: datetime, looks_done: int) -> datetime | None:
    """When a sighted probe's place is checked again; None after the last look."""
    return submitted_at + LOOKS[looks_done] if looks_done < len(LOOKS) else None


def latency_s(
    submitted_at: datetime | None, received_at: datetime | None, internal_date: datetime
) -> float | None:
    """Seconds from our 250 to the provider's Received, else to INTERNALDATE; never from Date:.

    Both clocks count whole seconds and are not ours, so a small negative difference reads as 0.
    """
    if submitted_at is None:
        return None
    return max(0.0, ((received_at or internal_date) - submitted_at).total_seconds())
