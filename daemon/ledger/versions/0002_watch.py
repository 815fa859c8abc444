"""Standings, incidents and notices; probes remember whether the standing took note of them.

Revisions are frozen: they name plain types, and nothing of the program as it is today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)
NAMED = sa.String(16)


def upgrade() -> None:
    """Create the tables of the watch."""
    op.add_column("probes", sa.Column("watched_at", INSTANT))
    _partial_index("ix_probes_unwatched", "probes", ["planned_at"], "watched_at IS NULL")
    op.create_table(
        "standings",
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_standings")),
    )
    _incidents()
    _notices()


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("seed", sa.Text),
        sa.Column("state", NAMED, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("resolved_at", INSTANT),
        sa.Column("episode", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_shop", "incidents", ["shop", "opened_at"])
    op.create_index("ix_incidents_opened", "incidents", ["opened_at"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("state", NAMED, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("doubts", sa.Integer, nullable=False),
        sa.Column("planned_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.Column("error", sa.Text),
        sa.Column("reference", sa.Text),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_contact", "notices", ["contact", "planned_at"])
    _partial_index("ix_notices_due", "notices", ["due_at"], "state IN ('planned', 'sending')")
    op.create_table(
        "told",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("episode", sa.Integer, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", "about", name=op.f("pk_told")),
        sa.ForeignKeyConstraint(
            ["key"], ["notices.key"], name=op.f("fk_told_key"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_told_about", "told", ["about"])
    op.create_index("ix_told_at", "told", ["at"])


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
