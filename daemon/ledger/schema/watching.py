"""Standings, incidents, and what their contacts were told."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table

from daemon.ledger.columns import Document, Instant, Words, one_of
from daemon.ledger.schema.metadata import metadata
from daemon.ledger.states import NoticeState
from daemon.lifecycles.incident import IncidentState

standings = Table(
    "standings",
    metadata,
    Column("lane", Words, primary_key=True),  # as the watch names it; opaque here
    Column("at", Instant, nullable=False),
    Column("state", Document, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Words, primary_key=True),
    Column("shop", Words, nullable=False),
    Column("route", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("seed", Words),
    Column("state", one_of(IncidentState), nullable=False),
    Column("cause", Words, nullable=False),
    Column("probability", Float, nullable=False),
    Column("why", Words, nullable=False),
    Column("facts", Document, nullable=False),
    Column("evidence", Document, nullable=False),  # the ids of the probes it rests on
    Column("opened_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", Words),
    Column("resolved_at", Instant),
    Column("episode", Integer, nullable=False),  # 1, and one more with each relapse
)

Index("ix_incidents_shop", incidents.c.shop, incidents.c.opened_at)
Index("ix_incidents_opened", incidents.c.opened_at)

# "the owner was told" is no state of an incident: it is what stands here
notices = Table(
    "notices",
    metadata,
    Column("key", Words, primary_key=True),  # the idempotency key: planned once, whoever plans it
    Column("contact", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("about", Document, nullable=False),  # the incidents' ids, or the channel that fails
    Column("state", one_of(NoticeState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("doubts", Integer, nullable=False),  # attempts of which nobody knows how they ended
    Column("planned_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("settled_at", Instant),  # when it was sent, or given up
    Column("error", Words),
    Column("reference", Words),  # what the channel called it
)

Index("ix_notices_contact", notices.c.contact, notices.c.planned_at)
WAITING_NOTICE = notices.c.state.in_([NoticeState.PLANNED, NoticeState.SENDING])
# the notifier asks every second what is to be sent
Index(
    "ix_notices_due",
    notices.c.due_at,
    sqlite_where=WAITING_NOTICE,
    postgresql_where=WAITING_NOTICE,
)

# what each contact has been told: a line for each subject of a notice, written with its plan
told = Table(
    "told",
    metadata,
    Column("key", ForeignKey("notices.key", ondelete="CASCADE"), primary_key=True),
    Column("about", Words, primary_key=True),
    Column("contact", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("cause", Words, nullable=False),
)

Index("ix_told_about", told.c.about)
Index("ix_told_at", told.c.at)
