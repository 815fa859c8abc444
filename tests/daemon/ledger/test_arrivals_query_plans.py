"""What is asked for every message, and every second, reads an index and no table."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from daemon.ledger import Ledger, addresses, mails, messages, orders, retention
from tests.daemon.ledger.arrival_samples import arrival, intake
from tests.daemon.ledger.samples import NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    yield ledger
    await ledger.close()


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database, with its values."""
    sent: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        sent.append((call[2], call[3]))

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


async def plans(ledger: Ledger, sent: list[tuple[str, Any]]) -> list[str]:
    """SQLite's own account of how it goes about each."""
    found = []
    async with ledger.read() as conn:
        for statement, values in sent:
            steps = await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            found.append("; ".join(step.detail for step in steps))
    return [plan for plan in found if plan]


async def test_the_reader_asks_the_index_of_what_is_unread(sqlite: Ledger) -> None:
    with statements(sqlite._readers.sync_engine) as sent:
        async with sqlite.read() as conn:
            await messages.unread(conn, limit=9)
            await messages.unread_bounces(conn, limit=9)
    relayed, _, returned, _ = await plans(sqlite, sent)
    assert "INDEX ix_messages_unread" in relayed
    assert "INDEX ix_messages_unread" in returned


async def test_taking_a_duplicate_in_scans_nothing(sqlite: Ledger) -> None:
    arrivals = intake(sqlite)
    await arrivals.take(arrival())
    assert sqlite._thread
    with statements(sqlite._thread._engine) as sent:
        assert (await arrivals.take(arrival())).duplicate
    await arrivals.close()
    asked = [one for one in sent if one[0].startswith("SELECT")]
    which, earlier = await plans(sqlite, asked)
    assert "SCAN messages" not in which
    assert "INDEX uq_messages_shop_dedupe" in earlier or "sqlite_autoindex_messages" in earlier


async def test_reading_a_message_scans_nothing(sqlite: Ledger) -> None:
    arrivals = intake(sqlite)
    taken = await arrivals.take(arrival())
    await arrivals.close()
    with statements(sqlite._writers.sync_engine) as sent:
        async with sqlite.write() as conn:
            found = orders.FoundOrder("1001", "header")
            assert await messages.mark_read(conn, taken.message, at=NOON, order=found)
    steps = "; ".join(await plans(sqlite, [one for one in sent if "PRAGMA" not in one[0]]))
    assert "INDEX ix_messages_message_id" in steps
    assert "SCAN" not in steps


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("ix_mails_order", lambda conn: mails.of_order(conn, "1", shop="tea")),
        ("sqlite_autoindex_mails", lambda conn: mails.of_message(conn, "1", shop="tea")),
        ("ix_orders_seen", lambda conn: orders.list(conn, shop="tea", limit=9)),
        ("ix_mails_shop", lambda conn: mails.search(conn, "", shop="tea", limit=9)),
        ("ix_messages_deduped", lambda conn: retention.forget_dedupe(conn, NOON)),
        ("ix_mails_provider_unknown", lambda conn: addresses.unknown_providers(conn, 9)),
    ],
)
async def test_an_index_answers(sqlite: Ledger, index: str, question: Any) -> None:
    with statements(sqlite._writers.sync_engine) as sent:
        async with sqlite.write() as conn:
            await question(conn)
    [plan] = await plans(sqlite, sent)
    assert f"INDEX {index}" in plan
