"""Probes: what was planned, what the relay answered, where and when they were seen."""

from daemon.ledger.probes.life import (
    mark_lost,
    mark_overdue,
    mark_sighted,
    mark_submitted,
    mark_unobserved,
    mark_unsent,
    mark_watched,
    plan,
    record_latency,
)
from daemon.ledger.probes.places import raw_of, record_again, record_look, sightings_of
from daemon.ledger.probes.reads import (
    by_ids,
    due_looks,
    get,
    last_slots,
    newest,
    overdue_before,
    past_deadline,
    planned_since,
    recent,
    unsettled,
    unwatched,
)
from daemon.ledger.probes.rows import PlannedProbe, ProbeRow, RawRow, SightingRow
from daemon.ledger.probes.totals import Tally, latencies, open_by_provider, tally

__all__ = [
    "PlannedProbe",
    "ProbeRow",
    "RawRow",
    "SightingRow",
    "Tally",
    "by_ids",
    "due_looks",
    "get",
    "last_slots",
    "latencies",
    "mark_lost",
    "mark_overdue",
    "mark_sighted",
    "mark_submitted",
    "mark_unobserved",
    "mark_unsent",
    "mark_watched",
    "newest",
    "open_by_provider",
    "overdue_before",
    "past_deadline",
    "plan",
    "planned_since",
    "raw_of",
    "recent",
    "record_again",
    "record_latency",
    "record_look",
    "sightings_of",
    "tally",
    "unsettled",
    "unwatched",
]
