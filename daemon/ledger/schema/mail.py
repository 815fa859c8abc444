"""Order receipts: the messages as they were taken in, what became of them, what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
)

from daemon.ledger.columns import Document, Instant, Serial, Words, one_of
from daemon.ledger.schema.metadata import metadata
from daemon.ledger.states import AttemptCause, Reading
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.attempt import IN_HAND, LIVE, AttemptState
from daemon.lifecycles.order_mail import MailState
from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable


orders = Table(
    "orders",
    metadata,
    Column("id", Words, primary_key=True),
    Column("shop", Words, nullable=False),
    Column("number", Words, nullable=False),
    Column("customer", Words),  # the address, when it is known
    Column("customer_name", Words),
    Column("first_seen_at", Instant, nullable=False),
    UniqueConstraint("shop", "number"),
)

Index("ix_orders_seen", orders.c.shop, orders.c.first_seen_at)

messages = Table(
    "messages",
    metadata,
    Column("id", Words, primary_key=True),
    Column("shop", Words, nullable=False),
    Column("mode", one_of(IntakeMode), nullable=False),
    Column("mail_from", Words, nullable=False),  # "" for the null return path
    Column("recipients", Document, nullable=False),  # the envelope's, as they came
    Column("client", Words, nullable=False),  # who brought it: an IP address, or a mailbox's name
    Column("helo", Words, nullable=False),
    Column("login", Words),
    Column("message_id", Words),
    # shop, envelope, Message-ID and body; NULL once the seven days of deduplication are over
    Column("dedupe", LargeBinary),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("smtputf8", Boolean, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("reading", one_of(Reading), nullable=False),
    Column("problem", Words),
    Column("subject", Words),
    Column("sender", Words),  # the address in From
    Column("order", ForeignKey("orders.id", ondelete="SET NULL")),
    Column("matched_by", Words),  # "header", "pattern subject", "json-ld" …; NULL: no order
    Column("twin", Words),  # an earlier message of the same Message-ID with other content
    UniqueConstraint("shop", "dedupe"),
)

# written out in every statement: no database finds a partial index by a parameter
UNREAD = messages.c.reading == bindparam(
    "unread", Reading.PENDING, unique=True, literal_execute=True
)
STILL_DEDUPED = messages.c.dedupe.is_not(None)

# the reader asks every second what was taken in since
Index("ix_messages_unread", messages.c.received_at, sqlite_where=UNREAD, postgresql_where=UNREAD)
Index(
    "ix_messages_deduped",
    messages.c.received_at,
    sqlite_where=STILL_DEDUPED,
    postgresql_where=STILL_DEDUPED,
)
Index("ix_messages_shop", messages.c.shop, messages.c.received_at)
# which earlier one had the same
Index("ix_messages_message_id", messages.c.shop, messages.c.message_id, messages.c.received_at)
Index("ix_messages_order", messages.c.order)

message_raws = Table(
    "message_raws",
    metadata,
    Column("message", ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Words, primary_key=True),
    Column("message", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("shop", Words, nullable=False),
    Column("order", ForeignKey("orders.id", ondelete="SET NULL")),
    Column("recipient", Words, nullable=False),
    Column("generation", Integer, nullable=False),  # 1, and one more with each resend
    Column("state", one_of(MailState), nullable=False),
    Column("why", Words),  # the state's reason, in words for people
    Column("provider", Words),  # NULL until it was looked up
    Column("received_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("message", "recipient"),
)

# written out, as UNREAD is
STUCK = mails.c.state.in_(
    bindparam(
        "stuck",
        [MailState.HELD, MailState.IN_DOUBT],
        expanding=True,
        unique=True,
        literal_execute=True,
    )
)
PROVIDER_UNKNOWN = mails.c.provider.is_(None)

Index("ix_mails_shop", mails.c.shop, mails.c.received_at)
Index("ix_mails_order", mails.c.order)
Index("ix_mails_recipient", mails.c.shop, mails.c.recipient)
# a person is told what waits for him
Index("ix_mails_stuck", mails.c.shop, mails.c.state, sqlite_where=STUCK, postgresql_where=STUCK)
# the look-up asks every few seconds whose provider nobody knows yet
Index(
    "ix_mails_provider_unknown",
    mails.c.received_at,
    sqlite_where=PROVIDER_UNKNOWN,
    postgresql_where=PROVIDER_UNKNOWN,
)


def _listed(states: Iterable[AttemptState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


attempts = Table(
    "attempts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("mail", ForeignKey("mails.id", ondelete="CASCADE"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("shop", Words, nullable=False),
    Column("route", Words, nullable=False),
    Column("cause", one_of(AttemptCause), nullable=False),
    Column("state", one_of(AttemptState), nullable=False),
    Column("why", Words),  # the state's reason, in words for people
    Column("queued_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # of the next try; set before connecting for this
    Column("expires_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("fence", Integer, nullable=False),  # grows with each claim; every later write names it
    Column("holder", Words),
    Column("lease_until", Instant),  # set exactly while a sender has it in hand
    Column("settled_at", Instant),  # set exactly while it may not be sent
    UniqueConstraint("mail", "n"),
    CheckConstraint(
        f"(lease_until IS NOT NULL) = (state IN ({_listed(IN_HAND)}))", "ck_attempts_leased"
    ),
    CheckConstraint(f"(settled_at IS NULL) = (state IN ({_listed(LIVE)}))", "ck_attempts_settled"),
)

# said by columns that change less often than the state: what a sender's moves leave alone, no index
# has to follow. Two constraints of the table hold them to the state.
MAY_SEND = attempts.c.settled_at.is_(None)
LEASED = attempts.c.lease_until.is_not(None)
AWAITED = and_(MAY_SEND, attempts.c.lease_until.is_(None))

# a mail never has two attempts that may both send it
Index(
    "uq_attempts_live",
    attempts.c.mail,
    unique=True,
    sqlite_where=MAY_SEND,
    postgresql_where=MAY_SEND,
)
Index("ix_attempts_due", attempts.c.due_at, sqlite_where=AWAITED, postgresql_where=AWAITED)
# the sender asks all the time what is due by a route: a dead one's backlog is in nobody's way
Index(
    "ix_attempts_due_by_route",
    attempts.c.shop,
    attempts.c.route,
    attempts.c.due_at,
    sqlite_where=AWAITED,
    postgresql_where=AWAITED,
)
# and whose sender died
Index("ix_attempts_lease", attempts.c.lease_until, sqlite_where=LEASED, postgresql_where=LEASED)

# one line for every time that the network was touched; it begins before, and a crash leaves it open
tries = Table(
    "tries",
    metadata,
    Column("attempt", ForeignKey("attempts.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("shop", Words, nullable=False),
    Column("route", Words, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", Words),  # probes.submission.Outcome
    Column("stage", Words),
    Column("code", Integer),
    Column("enhanced", Words),
    Column("text", Words),
    Column("fault", one_of(Fault)),
    Column("meaning", Words),
    Column("remedy", Words),
    Column("tls_version", Words),
    Column("host", Words),
    Column("queue_id", Words),
)

# route trouble is judged by the newest tries of each route
Index("ix_tries_ended", tries.c.shop, tries.c.route, tries.c.ended_at)

bounces = Table(
    "bounces",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("shop", Words, nullable=False),
    Column("message", ForeignKey("messages.id", ondelete="SET NULL")),  # the bounce as it came
    Column("mail", ForeignKey("mails.id", ondelete="CASCADE")),
    Column("attempt", Words, nullable=False),  # "" when no attempt of ours is named
    Column("recipient", Words, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("kind", Words, nullable=False),  # bounce, delay, complaint …
    Column("signed", Boolean, nullable=False),  # whether our return path's signature names it
    Column("status", Words),  # RFC 3463
    Column("reason", Words, nullable=False),
    Column("hard", Boolean, nullable=False),
    Column("fault", one_of(Fault), nullable=False),
    Column("text", Words, nullable=False),
    Column("facts", Document, nullable=False),
    Column("moves_to", one_of(MailState)),  # what it does to its mail; NULL: nothing
    Column("why", Words),  # the mail's reason then, in words for people
    Column("suppress", Boolean, nullable=False),
    # NULL while it is still open whether the attempt was taken: a bounce may outrun our record
    Column("applied_at", Instant),
    Column("watched_at", Instant),  # when the standings took note of it
    # a bounce comes again after a crash, and by several mailboxes: it counts once
    UniqueConstraint("shop", "attempt", "recipient", "sha256"),
)

# written out, as UNREAD is
BOUNCE_UNWATCHED = and_(
    bounces.c.watched_at.is_(None),
    bounces.c.fault == bindparam("senders", Fault.SENDER, unique=True, literal_execute=True),
)

Index("ix_bounces_mail", bounces.c.mail)
# every few seconds the standings ask what is new
Index(
    "ix_bounces_unwatched",
    bounces.c.received_at,
    sqlite_where=BOUNCE_UNWATCHED,
    postgresql_where=BOUNCE_UNWATCHED,
)
Index("ix_bounces_shop", bounces.c.shop, bounces.c.received_at)

suppressions = Table(
    "suppressions",
    metadata,
    Column("shop", Words, primary_key=True),
    Column("address", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("since", Instant, nullable=False),
    Column("by", Words, nullable=False),  # a person's name, or "bounce"
    Column("mail", Words),  # whose bounce it was
)
