"""What is old is forgotten, with all that belongs to it and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from daemon.ledger import findings, probes, retention, schema
from daemon.ledger.retention import Forgotten
from daemon.lifecycles.probe import ProbeState
from probes.observation import Finding, Severity
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON, plant, sighting

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger import Ledger

DAY = 24 * HOUR
SPF = Finding("spf", "pass", Severity.OK, "SPF passes.")


async def whole_probe(conn: AsyncConnection, at: datetime) -> str:
    probe = await plant(conn, ProbeState.SUBMITTED, planned_at=at)
    seen = sighting(probe, seen_at=at + MINUTE)
    await probes.mark_sighted(conn, seen, latency_s=None, next_look_at=None)
    await findings.add(conn, probe=probe, shop="tea", at=at, findings=[SPF])
    return probe


async def sizes(conn: AsyncConnection) -> dict[str, int]:
    tables = (schema.probes, schema.sightings, schema.raws, schema.findings)
    return {
        table.name: (await conn.execute(select(func.count()).select_from(table))).scalar_one()
        for table in tables
    }


async def test_messages_go_before_their_probes(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        old, new = await whole_probe(conn, NOON - DAY), await whole_probe(conn, NOON)
        counts = await retention.forget(conn, raws_before=NOON, probes_before=NOON - 9 * DAY)
        assert counts == Forgotten(raws=1, probes=0, findings=0)
        assert await probes.raw_of(conn, old) is None
        assert await probes.raw_of(conn, new) is not None
        assert len(await probes.sightings_of(conn, old)) == 1


async def test_a_probe_takes_all_that_is_its_own_along(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await whole_probe(conn, NOON - DAY)
        await whole_probe(conn, NOON)
        counts = await retention.forget(conn, raws_before=NOON - 9 * DAY, probes_before=NOON)
        assert counts == Forgotten(raws=0, probes=1, findings=0)
        assert set((await sizes(conn)).values()) == {1}


async def test_old_findings_on_seeds_go_too(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for at in (NOON - DAY, NOON):
            await findings.add(conn, seed="gmail-1", shop="", at=at, findings=[SPF])
        counts = await retention.forget(conn, raws_before=NOON, probes_before=NOON)
        assert counts == Forgotten(raws=0, probes=0, findings=1)
        assert (await sizes(conn))["findings"] == 1


async def test_a_judged_message_that_is_forgotten_is_not_judged_again(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await whole_probe(conn, NOON)
        await retention.forget(conn, raws_before=NOON + DAY, probes_before=NOON - DAY)
        assert len(await findings.of_probe(conn, probe)) == 1
