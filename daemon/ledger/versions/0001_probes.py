"""Probes, where they were seen, what was found on them; mailboxes and their credentials.

Revisions are frozen: they name plain types, and nothing of the program as it is today.
Forward only: the way back is the backup from before the upgrade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)
NAMED = sa.String(16)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    _probes()
    _sightings()
    _raws()
    _findings()
    _mailboxes()


def _probes() -> None:
    op.create_table(
        "probes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("slot", INSTANT, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("order_number", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("state", NAMED, nullable=False),
        sa.Column("planned_at", INSTANT, nullable=False),
        sa.Column("submitted_at", INSTANT),
        sa.Column("deadline_at", INSTANT, nullable=False),
        sa.Column("smtp_code", sa.Integer),
        sa.Column("smtp_enhanced", sa.Text),
        sa.Column("smtp_text", sa.Text),
        sa.Column("smtp_stage", sa.Text),
        sa.Column("tls_version", sa.Text),
        sa.Column("tls_cipher", sa.Text),
        sa.Column("fault", NAMED),
        sa.Column("reason", sa.Text),
        sa.Column("matched_by", NAMED),
        sa.Column("sighted_at", INSTANT),
        sa.Column("received_at", INSTANT),
        sa.Column("latency_s", sa.Float),
        sa.Column("first_placement", NAMED),
        sa.Column("first_tab", sa.Text),
        sa.Column("placement", NAMED),
        sa.Column("tab", sa.Text),
        sa.Column("folder", sa.Text),
        sa.Column("uidvalidity", sa.BigInteger),
        sa.Column("uid", sa.BigInteger),
        sa.Column("looked_at", INSTANT),
        sa.Column("looks_done", sa.Integer, nullable=False),
        sa.Column("next_look_at", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probes")),
        sa.UniqueConstraint("token", name=op.f("uq_probes_token")),
        sa.UniqueConstraint(
            "shop", "route", "seed", "slot", name=op.f("uq_probes_shop_route_seed_slot")
        ),
    )
    _partial_index("ix_probes_unsettled", "probes", ["seed"], "settled_at IS NULL")
    _partial_index("ix_probes_deadline", "probes", ["deadline_at"], "settled_at IS NULL")
    _partial_index("ix_probes_look", "probes", ["seed", "next_look_at"], "next_look_at IS NOT NULL")
    op.create_index("ix_probes_shop", "probes", ["shop", "planned_at"])
    op.create_index("ix_probes_planned", "probes", ["planned_at"])


def _sightings() -> None:
    op.create_table(
        "sightings",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("probe", sa.Text, nullable=False),
        sa.Column("kind", NAMED, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("placement", NAMED, nullable=False),
        sa.Column("tab", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger, nullable=False),
        sa.Column("uid", sa.BigInteger, nullable=False),
        sa.Column("explanation", sa.JSON, nullable=False),
        _of_probe("sightings"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sightings")),
        sa.UniqueConstraint(
            *("probe", "folder", "uidvalidity", "uid", "placement", "tab"),
            name=op.f("uq_sightings_probe_folder_uidvalidity_uid_placement_tab"),
        ),
    )


def _raws() -> None:
    op.create_table(
        "raws",
        sa.Column("probe", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("truncated", sa.Boolean, nullable=False),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.Column("judged_at", INSTANT),
        _of_probe("raws"),
        sa.PrimaryKeyConstraint("probe", name=op.f("pk_raws")),
    )
    op.create_index(op.f("ix_raws_stored_at"), "raws", ["stored_at"])
    _partial_index("ix_raws_unjudged", "raws", ["stored_at"], "judged_at IS NULL")


def _findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("probe", sa.Text),
        sa.Column("seed", sa.Text),
        sa.Column("route", sa.Text),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("severity", NAMED, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("remedy", sa.Text),
        _of_probe("findings"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_at"), "findings", ["at"])
    op.create_index(op.f("ix_findings_probe"), "findings", ["probe"])


def _mailboxes() -> None:
    op.create_table(
        "mailboxes",
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("state", NAMED, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("failed_logins", sa.Integer, nullable=False),
        sa.Column("credential_fingerprint", sa.Text),
        sa.Column("next_try_at", INSTANT),
        sa.Column("last_look_at", INSTANT),
        sa.Column("idle", sa.Boolean, nullable=False),
        sa.Column("folders", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seed", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "cursors",
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger, nullable=False),
        sa.Column("next_uid", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("seed", "folder", name=op.f("pk_cursors")),
    )
    op.create_table(
        "credentials",
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seed", name=op.f("pk_credentials")),
    )


def _of_probe(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_probe")
    return sa.ForeignKeyConstraint(["probe"], ["probes.id"], name=name, ondelete="CASCADE")


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
