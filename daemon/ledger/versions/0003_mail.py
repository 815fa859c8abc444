"""Order receipts: messages taken in, mails, attempts and their tries, bounces, suppressions.

Revisions are frozen: they name plain types, and nothing of the program as it is today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)
NAMED = sa.String(16)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of order receipts."""
    _orders()
    _messages()
    _message_raws()
    _mails()
    _attempts()
    _tries()
    _bounces()
    _suppressions()


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("customer_name", sa.Text),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("shop", "number", name=op.f("uq_orders_shop_number")),
    )
    op.create_index("ix_orders_seen", "orders", ["shop", "first_seen_at"])


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("mode", NAMED, nullable=False),
        sa.Column("mail_from", sa.Text, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("helo", sa.Text, nullable=False),
        sa.Column("login", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("dedupe", sa.LargeBinary),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("smtputf8", sa.Boolean, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("reading", NAMED, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("sender", sa.Text),
        sa.Column("order", sa.Text),
        sa.Column("matched_by", sa.Text),
        sa.Column("twin", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("shop", "dedupe", name=op.f("uq_messages_shop_dedupe")),
        sa.ForeignKeyConstraint(
            ["order"], ["orders.id"], name=op.f("fk_messages_order"), ondelete="SET NULL"
        ),
    )
    _partial_index("ix_messages_deduped", "messages", ["received_at"], "dedupe IS NOT NULL")
    op.create_index("ix_messages_message_id", "messages", ["shop", "message_id", "received_at"])
    op.create_index("ix_messages_order", "messages", ["order"])
    op.create_index("ix_messages_shop", "messages", ["shop", "received_at"])
    _partial_index("ix_messages_unread", "messages", ["received_at"], "reading = 'pending'")


def _message_raws() -> None:
    op.create_table(
        "message_raws",
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_message_raws")),
        sa.ForeignKeyConstraint(
            ["message"], ["messages.id"], name=op.f("fk_message_raws_message"), ondelete="CASCADE"
        ),
    )


def _mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("order", sa.Text),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("state", NAMED, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("message", "recipient", name=op.f("uq_mails_message_recipient")),
        sa.ForeignKeyConstraint(
            ["message"], ["messages.id"], name=op.f("fk_mails_message"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order"], ["orders.id"], name=op.f("fk_mails_order"), ondelete="SET NULL"
        ),
    )
    op.create_index("ix_mails_order", "mails", ["order"])
    op.create_index("ix_mails_recipient", "mails", ["shop", "recipient"])
    _partial_index("ix_mails_stuck", "mails", ["shop", "state"], "state IN ('held', 'in_doubt')")
    _partial_index("ix_mails_provider_unknown", "mails", ["received_at"], "provider IS NULL")
    op.create_index("ix_mails_shop", "mails", ["shop", "received_at"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("mail", sa.Text, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("cause", NAMED, nullable=False),
        sa.Column("state", NAMED, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("queued_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("lease_until", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("mail", "n", name=op.f("uq_attempts_mail_n")),
        sa.ForeignKeyConstraint(
            ["mail"], ["mails.id"], name=op.f("fk_attempts_mail"), ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "(lease_until IS NOT NULL) = (state IN ('claimed', 'data_sent', 'sending'))",
            name=op.f("ck_attempts_leased"),
        ),
        sa.CheckConstraint(
            "(settled_at IS NULL) = "
            "(state IN ('claimed', 'data_sent', 'deferred', 'queued', 'sending'))",
            name=op.f("ck_attempts_settled"),
        ),
    )
    awaited = "settled_at IS NULL AND lease_until IS NULL"
    _partial_index("ix_attempts_due", "attempts", ["due_at"], awaited)
    _partial_index("ix_attempts_due_by_route", "attempts", ["shop", "route", "due_at"], awaited)
    _partial_index(
        "ix_attempts_lease",
        "attempts",
        ["lease_until"],
        "lease_until IS NOT NULL",
    )
    _partial_index(
        "uq_attempts_live",
        "attempts",
        ["mail"],
        "settled_at IS NULL",
        unique=True,
    )


def _tries() -> None:
    op.create_table(
        "tries",
        sa.Column("attempt", sa.Text, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("outcome", sa.Text),
        sa.Column("stage", sa.Text),
        sa.Column("code", sa.Integer),
        sa.Column("enhanced", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("fault", NAMED),
        sa.Column("meaning", sa.Text),
        sa.Column("remedy", sa.Text),
        sa.Column("tls_version", sa.Text),
        sa.Column("host", sa.Text),
        sa.Column("queue_id", sa.Text),
        sa.PrimaryKeyConstraint("attempt", "n", name=op.f("pk_tries")),
        sa.ForeignKeyConstraint(
            ["attempt"], ["attempts.id"], name=op.f("fk_tries_attempt"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_tries_ended", "tries", ["shop", "route", "ended_at"])


def _bounces() -> None:
    op.create_table(
        "bounces",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("mail", sa.Text),
        sa.Column("attempt", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("signed", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("hard", sa.Boolean, nullable=False),
        sa.Column("fault", NAMED, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("moves_to", NAMED),
        sa.Column("why", sa.Text),
        sa.Column("suppress", sa.Boolean, nullable=False),
        sa.Column("applied_at", INSTANT),
        sa.Column("watched_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint(
            "shop",
            "attempt",
            "recipient",
            "sha256",
            name=op.f("uq_bounces_shop_attempt_recipient_sha256"),
        ),
        sa.ForeignKeyConstraint(
            ["message"], ["messages.id"], name=op.f("fk_bounces_message"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["mail"], ["mails.id"], name=op.f("fk_bounces_mail"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_bounces_mail", "bounces", ["mail"])
    op.create_index("ix_bounces_shop", "bounces", ["shop", "received_at"])
    unwatched = "watched_at IS NULL AND fault = 'sender'"
    _partial_index("ix_bounces_unwatched", "bounces", ["received_at"], unwatched)


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("mail", sa.Text),
        sa.PrimaryKeyConstraint("shop", "address", name=op.f("pk_suppressions")),
    )


def _partial_index(
    name: str, table: str, columns: list[str], condition: str, *, unique: bool = False
) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
