"""What goes in comes out: aware instants, any text that mail may hold, JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import StatementError

from daemon.ledger import findings, probes
from probes.observation import Finding, Severity
from tests.daemon.ledger.samples import NOON, plant

if TYPE_CHECKING:
    from daemon.ledger import Ledger

INSTANTS = [
    NOON,
    datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=3, minutes=30))),
    datetime(1970, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("instant", INSTANTS, ids=datetime.isoformat)
async def test_an_instant_comes_back_the_same_and_in_utc(ledger: Ledger, instant: datetime) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, submitted_at=instant)
        row = await probes.get(conn, probe)
    assert row is not None
    assert row.submitted_at is not None
    assert row.submitted_at.astimezone(UTC) == instant.astimezone(UTC)
    assert row.submitted_at.utcoffset() == timedelta(0)


async def test_a_naive_instant_is_refused(ledger: Ledger) -> None:
    naive = NOON.replace(tzinfo=None)

    async def store() -> None:
        async with ledger.write() as conn:
            await plant(conn, submitted_at=naive)

    with pytest.raises(StatementError, match="names no time zone"):
        await store()


async def test_instants_sort_by_time_whatever_their_zone(ledger: Ledger) -> None:
    zones = [timezone(timedelta(hours=hours)) for hours in (9, -8, 0, 3)]
    moments = [(NOON + timedelta(seconds=n / 2)).astimezone(zone) for n, zone in enumerate(zones)]
    async with ledger.write() as conn:
        made = [await plant(conn, planned_at=moment) for moment in moments]
        found = await probes.recent(conn, shop=None, limit=9)
    assert [row.id for row in found] == made[::-1]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("250 2.0.0 Ok: queued as 4bXyZ", "250 2.0.0 Ok: queued as 4bXyZ"),
        ("سفارش شما ✓", "سفارش شما ✓"),
        ("a\0b", "a\ufffdb"),
        ("caf\udce9", "caf\ufffd\ufffd\ufffd"),
        ("x" * 100_000, "x" * 100_000),
    ],
    ids=["plain", "persian", "NUL", "lone surrogate", "long"],
)
async def test_any_text_that_a_server_may_say_is_stored(
    ledger: Ledger, said: str, kept: str
) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, smtp_text=said)
        row = await probes.get(conn, probe)
    assert row is not None
    assert row.smtp_text == kept


async def test_evidence_is_stored_as_json_whatever_a_header_held(ledger: Ledger) -> None:
    evidence: dict[str, Any] = {
        "ip": "192.0.2.1",
        "n": [1, 2.5, None, True],
        "d\0": {"x": "\udcff"},
    }
    hostile = Finding("spf", "fail", Severity.PROBLEM, "a\0b", evidence=evidence)
    async with ledger.write() as conn:
        await findings.add(conn, shop="", at=NOON, findings=[hostile], seed="gmail-1")
        [row] = await findings.latest(conn, NOON)
    assert row.finding.summary == "a\ufffdb"
    assert row.finding.evidence["n"] == [1, 2.5, None, True]
    assert row.finding.evidence["d\ufffd"] == {"x": "\ufffd\ufffd\ufffd"}
