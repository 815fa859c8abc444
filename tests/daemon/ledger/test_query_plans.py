"""The questions that are asked every few seconds read an index and no table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from daemon.ledger import Ledger, judging, probes
from tests.daemon.ledger.samples import NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    Question = Callable[[AsyncConnection], Awaitable[Any]]


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    yield ledger
    await ledger.close()


async def plan_of(ledger: Ledger, question: Question) -> str:
    """SQLite's own account of how it answers, for the very statement that is sent."""
    sent: list[tuple[str, Any]] = []
    async with ledger.read() as conn:
        sync = conn.sync_connection
        assert sync is not None

        def note(*call: Any) -> None:
            sent.append((call[2], call[3]))

        event.listen(sync, "before_cursor_execute", note)
        await question(conn)
        event.remove(sync, "before_cursor_execute", note)
        [(statement, values)] = sent
        steps = await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return "; ".join(step.detail for step in steps)


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("ix_probes_unsettled", lambda conn: probes.unsettled(conn, "gmail-1")),
        ("ix_probes_deadline", lambda conn: probes.past_deadline(conn, NOON)),
        ("ix_probes_deadline", lambda conn: probes.overdue_before(conn, NOON)),
        ("ix_probes_look", lambda conn: probes.due_looks(conn, NOON, "gmail-1")),
        ("ix_probes_planned", lambda conn: probes.planned_since(conn, NOON)),
        ("ix_probes_shop", lambda conn: probes.recent(conn, shop="tea", limit=9)),
        ("ix_probes_planned", lambda conn: probes.recent(conn, shop=None, limit=9)),
        ("uq_probes_shop_route_seed_slot", probes.last_slots),
        ("ix_raws_unjudged", lambda conn: judging.unjudged(conn, limit=9)),
    ],
)
async def test_an_index_answers(sqlite: Ledger, index: str, question: Question) -> None:
    plan = await plan_of(sqlite, question)
    if index.startswith("uq_"):
        assert "USING COVERING INDEX" in plan
    else:
        assert f"INDEX {index}" in plan
