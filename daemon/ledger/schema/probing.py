"""Probes, where they were seen, and the mailboxes they are looked for in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)

from daemon.ledger.columns import Document, Instant, Serial, Words, one_of
from daemon.ledger.schema.metadata import metadata
from daemon.ledger.states import MailboxState, SightingKind
from daemon.lifecycles.probe import ProbeState
from probes.observation import Fault, MatchedBy, Placement, Severity

probes = Table(
    "probes",
    metadata,
    Column("id", Words, primary_key=True),
    Column("shop", Words, nullable=False),  # "" for the operator's control route
    Column("route", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("seed", Words, nullable=False),
    Column("recipient", Words, nullable=False),
    Column("slot", Instant, nullable=False),
    Column("token", Words, nullable=False, unique=True),
    Column("message_id", Words, nullable=False),
    Column("order_number", Words, nullable=False),
    Column("language", Words, nullable=False),
    Column("template", Words, nullable=False),
    Column("state", one_of(ProbeState), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("submitted_at", Instant),
    Column("deadline_at", Instant, nullable=False),
    Column("smtp_code", Integer),
    Column("smtp_enhanced", Words),
    Column("smtp_text", Words),
    Column("smtp_stage", Words),
    Column("tls_version", Words),
    Column("tls_cipher", Words),
    Column("fault", one_of(Fault)),
    Column("reason", Words),
    Column("matched_by", one_of(MatchedBy)),
    Column("sighted_at", Instant),
    Column("received_at", Instant),
    Column("latency_s", Float),
    Column("first_placement", one_of(Placement)),
    Column("first_tab", Words),
    Column("placement", one_of(Placement)),
    Column("tab", Words),
    Column("folder", Words),
    Column("uidvalidity", BigInteger),
    Column("uid", BigInteger),
    Column("looked_at", Instant),
    Column("looks_done", Integer, nullable=False),
    Column("next_look_at", Instant),
    Column("settled_at", Instant),  # set exactly while the state is none that is looked for
    Column("watched_at", Instant),  # when the standing took note; NULL again whenever it moves
    # whoever inserts a slot, runs it: no leader, no lease
    UniqueConstraint("shop", "route", "seed", "slot"),
)

STILL_LOOKED_FOR = probes.c.settled_at.is_(None)
UNWATCHED = probes.c.watched_at.is_(None)
LOOK_AGAIN = probes.c.next_look_at.is_not(None)

# a reader asks at every look which probes its own mailbox still owes
Index(
    "ix_probes_unsettled",
    probes.c.seed,
    sqlite_where=STILL_LOOKED_FOR,
    postgresql_where=STILL_LOOKED_FOR,
)
# the judge asks every few seconds whose deadline has passed
Index(
    "ix_probes_deadline",
    probes.c.deadline_at,
    sqlite_where=STILL_LOOKED_FOR,
    postgresql_where=STILL_LOOKED_FOR,
)
# a reader asks which sighted probes of its mailbox are to be looked at again
Index(
    "ix_probes_look",
    probes.c.seed,
    probes.c.next_look_at,
    sqlite_where=LOOK_AGAIN,
    postgresql_where=LOOK_AGAIN,
)
# the watch asks every second what it has not taken note of yet
Index(
    "ix_probes_unwatched",
    probes.c.planned_at,
    sqlite_where=UNWATCHED,
    postgresql_where=UNWATCHED,
)
# a status page asks for a shop's newest; the operator's asks for everybody's
Index("ix_probes_shop", probes.c.shop, probes.c.planned_at)
Index("ix_probes_planned", probes.c.planned_at)

sightings = Table(
    "sightings",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("probe", ForeignKey("probes.id", ondelete="CASCADE"), nullable=False),
    Column("kind", one_of(SightingKind), nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("placement", one_of(Placement), nullable=False),
    Column("tab", Words, nullable=False),  # "" for none: two NULLs would not be equal
    Column("folder", Words, nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("explanation", Document, nullable=False),
    # a mailbox is read again after a crash, and by several daemons: one place is written once
    UniqueConstraint("probe", "folder", "uidvalidity", "uid", "placement", "tab"),
)

raws = Table(
    "raws",
    metadata,
    Column("probe", ForeignKey("probes.id", ondelete="CASCADE"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("stored_at", Instant, nullable=False, index=True),
    Column("judged_at", Instant),
)

UNJUDGED = raws.c.judged_at.is_(None)

# the judge asks every few seconds what the readers have stored since
Index(
    "ix_raws_unjudged",
    raws.c.stored_at,
    sqlite_where=UNJUDGED,
    postgresql_where=UNJUDGED,
)

findings = Table(
    "findings",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("probe", ForeignKey("probes.id", ondelete="CASCADE"), index=True),
    Column("seed", Words),
    Column("route", Words),
    Column("shop", Words, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("check", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("severity", one_of(Severity), nullable=False),
    Column("summary", Words, nullable=False),
    Column("evidence", Document, nullable=False),
    Column("remedy", Words),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("seed", Words, primary_key=True),
    Column("state", one_of(MailboxState), nullable=False),
    Column("since", Instant, nullable=False),
    Column("last_error", Words),
    Column("failed_logins", Integer, nullable=False),
    Column("credential_fingerprint", Words),
    Column("next_try_at", Instant),
    Column("last_look_at", Instant),  # the end of the last complete look
    Column("idle", Boolean, nullable=False),
    Column("folders", Document, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("seed", Words, primary_key=True),
    Column("folder", Words, primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("next_uid", BigInteger, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("seed", Words, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
