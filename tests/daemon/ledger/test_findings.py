"""Findings, and the queue of messages that wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger import findings, judging, probes
from daemon.lifecycles.probe import ProbeState
from probes.observation import Finding, Severity
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON, plant, sighting

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger import Ledger

SPF = Finding("spf", "pass", Severity.OK, "SPF passes.", evidence={"ip": "192.0.2.1"})
DKIM = Finding("dkim", "fail", Severity.PROBLEM, "The key is gone.", remedy="Publish the key.")
WEAK = Finding("dkim", "policy", Severity.NOTICE, "The key is short.")


async def sighted(conn: AsyncConnection, minutes: int = 0, **columns: str) -> str:
    probe = await plant(conn, ProbeState.SUBMITTED, **columns)
    seen = sighting(probe, seen_at=NOON + minutes * MINUTE)
    assert await probes.mark_sighted(conn, seen, latency_s=None, next_look_at=None)
    return probe


async def test_findings_come_back_as_they_were_made(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await sighted(conn)
        about = {"probe": probe, "seed": "gmail-1", "route": "relay"}
        await findings.add(conn, shop="tea", at=NOON, findings=[SPF, DKIM, WEAK], **about)
        rows = await findings.of_probe(conn, probe)
    assert [row.finding for row in rows] == [SPF, DKIM, WEAK]
    assert {(row.shop, row.at, row.probe, row.seed, row.route) for row in rows} == {
        ("tea", NOON, probe, "gmail-1", "relay")
    }


async def test_a_probe_that_was_judged_twice_shows_the_last_judgement(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await sighted(conn)
        await findings.add(conn, probe=probe, shop="tea", at=NOON, findings=[SPF, DKIM])
        await findings.add(conn, probe=probe, shop="tea", at=NOON + HOUR, findings=[WEAK])
        rows = await findings.of_probe(conn, probe)
    assert [row.finding for row in rows] == [SPF, WEAK]


async def test_latest_is_the_last_run_on_each_subject(ledger: Ledger) -> None:
    good = Finding("login", "pass", Severity.OK, "The login works.")
    bad = Finding("login", "refused", Severity.PROBLEM, "The login is refused.")
    async with ledger.write() as conn:
        await findings.add(conn, seed="a", shop="", at=NOON, findings=[bad])
        await findings.add(conn, seed="a", shop="", at=NOON + HOUR, findings=[good])
        await findings.add(conn, seed="b", shop="", at=NOON, findings=[bad])
        await findings.add(conn, route="relay", shop="tea", at=NOON, findings=[DKIM, WEAK])
        await findings.add(conn, seed="old", shop="", at=NOON - HOUR, findings=[bad])
        rows = await findings.latest(conn, NOON)
        own = await findings.latest(conn, NOON, shop="tea")
    said = [(row.seed or row.route, row.finding) for row in rows]
    assert said == [("a", good), ("b", bad), ("relay", DKIM), ("relay", WEAK)]
    assert [row.finding for row in own] == [DKIM, WEAK]


async def test_a_sighted_probe_waits_until_it_is_judged(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        late, early = await sighted(conn, minutes=2), await sighted(conn, minutes=1)
        await plant(conn, ProbeState.SUBMITTED)
        waiting = await judging.unjudged(conn, limit=9)
        assert [one.probe for one in waiting] == [early, late]
        assert [one.probe for one in await judging.unjudged(conn, limit=1)] == [early]

        await findings.add(conn, probe=early, shop="tea", at=NOON, findings=[SPF])
        assert [one.probe for one in await judging.unjudged(conn, limit=9)] == [late]


async def test_a_probe_on_which_nothing_was_found_is_judged_too(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await sighted(conn)
        await findings.add(conn, probe=probe, shop="tea", at=NOON, findings=[])
        assert await judging.unjudged(conn, limit=9) == []


async def test_a_finding_on_a_seed_judges_no_probe(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await sighted(conn)
        await findings.add(conn, seed="gmail-1", shop="", at=NOON, findings=[SPF])
        assert len(await judging.unjudged(conn, limit=9)) == 1


async def test_the_judge_is_told_what_the_checks_need(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await sighted(conn)
        [waiting] = await judging.unjudged(conn, limit=9)
    seen = sighting(probe)
    assert waiting == judging.Unjudged(
        probe=probe,
        shop="tea",
        route="relay",
        provider="gmail",
        seed="gmail-1",
        sighted_at=NOON,
        received_at=seen.received_at,
        raw=seen.raw,
        truncated=False,
    )
