"""A probe's moves: whoever inserts a slot runs it, and no row moves against its table."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from daemon.ledger import Ledger, probes, schema
from daemon.lifecycles.probe import PROBE, UNSETTLED, ProbeState
from daemon.lifecycles.transitions import IllegalMove
from probes.observation import Fault, Location, MatchedBy, Placement
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON, planned, plant, sighting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

S = ProbeState
LATER = NOON + HOUR


async def submit(conn: AsyncConnection, probe: str) -> bool:
    return await probes.mark_submitted(
        conn,
        probe,
        at=LATER,
        deadline_at=LATER + 10 * MINUTE,
        code=250,
        enhanced="2.0.0",
        text="queued as 1",
        tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384",
    )


async def refuse(conn: AsyncConnection, probe: str) -> bool:
    return await probes.mark_unsent(
        conn,
        probe,
        at=LATER,
        code=550,
        enhanced="5.7.1",
        text="no",
        stage="rcpt",
        fault=Fault.SENDER,
        reason="The provider refused the shop's mail.",
    )


async def sight(conn: AsyncConnection, probe: str) -> bool:
    seen = sighting(probe, seen_at=LATER)
    return await probes.mark_sighted(conn, seen, latency_s=30.0, next_look_at=LATER + HOUR)


async def overdue(conn: AsyncConnection, probe: str) -> bool:
    return await probes.mark_overdue(conn, probe, at=LATER)


async def unobserved(conn: AsyncConnection, probe: str) -> bool:
    return await probes.mark_unobserved(conn, probe, at=LATER)


async def lose(conn: AsyncConnection, probe: str) -> bool:
    return await probes.mark_lost(conn, probe, at=LATER)


MARKS: dict[ProbeState, Callable[[AsyncConnection, str], Awaitable[bool]]] = {
    S.SUBMITTED: submit,
    S.UNSENT: refuse,
    S.SIGHTED: sight,
    S.OVERDUE: overdue,
    S.UNOBSERVED: unobserved,
    S.LOST: lose,
}


async def row(ledger: Ledger, probe: str) -> probes.ProbeRow:
    async with ledger.read() as conn:
        found = await probes.get(conn, probe)
    assert found is not None
    return found


@pytest.mark.parametrize("old", ProbeState)
async def test_a_probe_moves_as_its_table_says_and_in_no_other_way(
    ledger: Ledger, old: ProbeState
) -> None:
    for new, mark in MARKS.items():
        async with ledger.write() as conn:
            probe = await plant(conn, old, submitted_at=NOON)
            bystander = await plant(conn, old, submitted_at=NOON)
        before, untouched = await row(ledger, probe), await row(ledger, bystander)

        async with ledger.write() as conn:
            moved = await mark(conn, probe)

        after = await row(ledger, probe)
        assert moved == (new in PROBE.moves.get(old, {})), f"{old} → {new}"
        if moved:
            assert (after.state, after.settled_at is None) == (new, new in UNSETTLED)
        else:
            assert after == before, f"{old} → {new}"
            assert await traces(ledger, probe) == ([], None)
        assert await row(ledger, bystander) == untouched


async def traces(ledger: Ledger, probe: str) -> tuple[list[probes.SightingRow], object]:
    async with ledger.read() as conn:
        return await probes.sightings_of(conn, probe), await probes.raw_of(conn, probe)


def test_there_is_a_function_for_every_state_that_anything_moves_to() -> None:
    targets = {new for moves in PROBE.moves.values() for new in moves}
    assert set(MARKS) == targets
    with pytest.raises(IllegalMove):
        PROBE.sources(ProbeState.PLANNED)


async def test_of_ten_tasks_exactly_one_gets_the_slot(ledger: Ledger) -> None:
    async def take() -> bool:
        async with ledger.write() as conn:
            return await probes.plan(conn, planned())

    assert sum(await asyncio.gather(*(take() for _ in range(10)))) == 1
    async with ledger.read() as conn:
        assert len(await probes.recent(conn, shop=None, limit=100)) == 1


async def test_of_ten_tasks_at_once_only_as_many_as_the_seeds_day_has_room_for_get_a_slot(
    ledger: Ledger,
) -> None:
    async def take(number: int) -> bool:
        async with ledger.write() as conn:
            mine = planned(slot=NOON + HOUR * number, route=f"route-{number}")
            return await probes.plan(conn, mine, cap=3)

    yesterday = NOON - HOUR * 25
    async with ledger.write() as conn:
        assert await probes.plan(conn, planned(slot=yesterday, planned_at=yesterday), cap=3)
        assert await probes.plan(conn, planned(seed="yahoo-1"), cap=3)
    assert sum(await asyncio.gather(*(take(number) for number in range(10)))) == 3


async def test_of_ten_sightings_at_once_exactly_one_is_the_first(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, S.SUBMITTED)

    async def find(uid: int) -> bool:
        seen = sighting(probe, location=Location("INBOX", 7, uid))
        async with ledger.write() as conn:
            return await probes.mark_sighted(conn, seen, latency_s=None, next_look_at=None)

    assert sum(await asyncio.gather(*(find(uid) for uid in range(10)))) == 1
    async with ledger.read() as conn:
        assert len(await probes.sightings_of(conn, probe)) == 1


async def test_slots_of_other_shops_routes_and_seeds_do_not_collide(ledger: Ledger) -> None:
    others: list[dict[str, Any]] = [
        {"shop": "coffee"},
        {"route": "spare"},
        {"seed": "yahoo-1"},
        {"slot": NOON + HOUR},
    ]
    async with ledger.write() as conn:
        assert await probes.plan(conn, planned())
        assert all([await probes.plan(conn, planned(**other)) for other in others])
        assert not await probes.plan(conn, planned())


async def test_a_planned_probe_reads_back_as_it_was_written(ledger: Ledger) -> None:
    written = planned()
    async with ledger.write() as conn:
        await probes.plan(conn, written)
    read = await row(ledger, written.id)
    assert {part.name: getattr(read, part.name) for part in fields(written)} == {
        part.name: getattr(written, part.name) for part in fields(written)
    }
    assert read.state is S.PLANNED
    assert read.location is None


async def test_the_relays_answer_is_kept(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        sent, refused = await plant(conn), await plant(conn)
        assert await submit(conn, sent)
        assert await refuse(conn, refused)
    accepted = await row(ledger, sent)
    assert (accepted.submitted_at, accepted.smtp_code, accepted.smtp_text) == (
        LATER,
        250,
        "queued as 1",
    )
    assert (accepted.tls_version, accepted.deadline_at) == ("TLSv1.3", LATER + 10 * MINUTE)
    bounced = await row(ledger, refused)
    assert (bounced.smtp_code, bounced.smtp_enhanced, bounced.smtp_stage) == (550, "5.7.1", "rcpt")
    assert (bounced.fault, bounced.settled_at) == (Fault.SENDER, LATER)


async def test_a_probe_that_nobody_knows_whether_it_was_sent_has_no_reply(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn)
        assert await probes.mark_unsent(
            conn, probe, at=LATER, fault=Fault.UNKNOWN, reason="in doubt"
        )
    doubtful = await row(ledger, probe)
    assert (doubtful.smtp_code, doubtful.fault, doubtful.reason) == (
        None,
        Fault.UNKNOWN,
        "in doubt",
    )


async def test_a_sighting_is_kept_with_its_place_and_its_message(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, S.SUBMITTED)
        seen = sighting(
            probe, placement=Placement.TAB, tab="updates", explanation=("Category: updates",)
        )
        assert await probes.mark_sighted(conn, seen, latency_s=12.5, next_look_at=LATER)
    found = await row(ledger, probe)
    assert found.matched_by is MatchedBy.MESSAGE_ID
    assert (found.first_placement, found.first_tab) == (Placement.TAB, "updates")
    assert (found.placement, found.tab) == (Placement.TAB, "updates")
    assert found.location == seen.location
    assert (found.sighted_at, found.received_at) == (seen.seen_at, seen.received_at)
    assert (found.latency_s, found.next_look_at, found.looks_done) == (12.5, LATER, 0)
    async with ledger.read() as conn:
        [place] = await probes.sightings_of(conn, probe)
        raw = await probes.raw_of(conn, probe)
    assert (place.kind, place.tab, place.explanation) == ("first", "updates", seen.explanation)
    assert raw is not None
    assert (raw.raw, raw.size, raw.truncated) == (seen.raw, seen.size, False)
    assert seen.raw.decode() not in repr(raw)


async def test_late_corrects_missing(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, S.SUBMITTED)
        assert await overdue(conn, probe)
    missing = await row(ledger, probe)
    assert (missing.placement, missing.first_placement) == (Placement.MISSING, None)
    async with ledger.write() as conn:
        assert await sight(conn, probe)
    late = await row(ledger, probe)
    assert (late.placement, late.first_placement) == (Placement.INBOX, Placement.INBOX)


async def test_an_unreadable_mailbox_is_unobserved_and_not_missing(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, S.SUBMITTED)
        assert await unobserved(conn, probe)
    assert (await row(ledger, probe)).placement is Placement.UNOBSERVED


async def test_an_answer_recorded_after_the_sighting_still_completes_it(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn)
        early = sighting(probe)
        assert await probes.mark_sighted(conn, early, latency_s=None, next_look_at=None)
    async with ledger.write() as conn:
        assert not await submit(conn, probe)
        assert await probes.record_latency(conn, probe, 4.0)
        assert not await probes.record_latency(conn, probe, 9.0)
    found = await row(ledger, probe)
    assert found.state is S.SIGHTED
    assert (found.submitted_at, found.smtp_code, found.latency_s) == (LATER, 250, 4.0)


async def test_a_probe_never_sighted_has_no_latency_to_record(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, S.SUBMITTED)
        assert not await probes.record_latency(conn, probe, 4.0)
    assert (await row(ledger, probe)).latency_s is None


def test_a_row_has_a_field_for_every_column() -> None:
    assert {part.name for part in fields(probes.ProbeRow)} == set(schema.probes.c.keys())


def test_a_token_is_not_in_the_repr() -> None:
    written = planned()
    assert written.token not in repr(written)
