"""Every place where a probe was seen, and what later looks found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from daemon.ledger import probes
from daemon.ledger.states import SightingKind
from daemon.lifecycles.probe import ProbeState
from probes.observation import Location, Placement
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON, plant, sighting

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger import Ledger

INBOX = Location("INBOX", 7, 42)
JUNK = Location("Junk", 3, 5)


async def found(conn: AsyncConnection) -> str:
    """A probe that was sighted in the inbox."""
    probe = await plant(conn, ProbeState.SUBMITTED)
    due = NOON + HOUR
    assert await probes.mark_sighted(conn, sighting(probe), latency_s=1.0, next_look_at=due)
    return probe


async def look(
    conn: AsyncConnection, probe: str, placement: Placement, location: Location | None
) -> bool:
    return await probes.record_look(
        conn,
        probe,
        placement=placement,
        tab=None,
        location=location,
        at=NOON + HOUR,
        looks_done=1,
        next_look_at=NOON + 24 * HOUR,
    )


async def test_a_look_that_finds_it_where_it_was_only_counts_the_look(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await found(conn)
        assert not await look(conn, probe, Placement.INBOX, INBOX)
        row = await probes.get(conn, probe)
        places = await probes.sightings_of(conn, probe)
    assert row is not None
    assert (row.looks_done, row.looked_at, row.next_look_at) == (
        1,
        NOON + HOUR,
        NOON + 24 * HOUR,
    )
    assert [place.kind for place in places] == [SightingKind.FIRST]


async def test_a_probe_that_was_moved_keeps_its_first_placement(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await found(conn)
        assert await look(conn, probe, Placement.SPAM, JUNK)
        row = await probes.get(conn, probe)
        places = await probes.sightings_of(conn, probe)
    assert row is not None
    assert (row.first_placement, row.placement) == (Placement.INBOX, Placement.SPAM)
    assert row.location == JUNK
    assert [(place.kind, place.location) for place in places] == [
        (SightingKind.FIRST, INBOX),
        (SightingKind.MOVED, JUNK),
    ]


async def test_a_probe_that_vanished_is_missing_now_and_was_in_the_inbox(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await found(conn)
        assert await look(conn, probe, Placement.MISSING, None)
        row = await probes.get(conn, probe)
        assert len(await probes.sightings_of(conn, probe)) == 1
    assert row is not None
    assert (row.first_placement, row.placement, row.location) == (
        Placement.INBOX,
        Placement.MISSING,
        None,
    )


async def test_a_renumbered_folder_moves_nothing(ledger: Ledger) -> None:
    renumbered = Location("INBOX", 8, 1)
    async with ledger.write() as conn:
        probe = await found(conn)
        assert not await look(conn, probe, Placement.INBOX, renumbered)
        row = await probes.get(conn, probe)
    assert row is not None
    assert row.location == renumbered


@pytest.mark.parametrize("state", set(ProbeState) - {ProbeState.SIGHTED})
async def test_only_a_sighted_probe_is_looked_at_again(ledger: Ledger, state: ProbeState) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, state)
        before = await probes.get(conn, probe)
        assert not await look(conn, probe, Placement.SPAM, JUNK)
        assert await probes.get(conn, probe) == before
        assert await probes.sightings_of(conn, probe) == []


@pytest.mark.parametrize("kind", [SightingKind.AGAIN, SightingKind.REPLAY, SightingKind.MOVED])
async def test_a_further_copy_is_recorded_once_however_often_it_is_read(
    ledger: Ledger, kind: SightingKind
) -> None:
    async with ledger.write() as conn:
        probe = await found(conn)
        copy = sighting(probe, location=Location("INBOX", 7, 43), seen_at=NOON + 2 * MINUTE)
        assert await probes.record_again(conn, copy, kind)
    async with ledger.write() as conn:
        assert not await probes.record_again(conn, copy, kind)
        places = await probes.sightings_of(conn, probe)
    assert [place.kind for place in places] == [SightingKind.FIRST, kind]


async def test_a_copy_changes_nothing_of_the_probe(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await found(conn)
        before = await probes.get(conn, probe)
        spam = sighting(probe, placement=Placement.SPAM, location=JUNK)
        await probes.record_again(conn, spam, SightingKind.AGAIN)
        assert await probes.get(conn, probe) == before


async def test_a_sighting_of_no_probe_is_refused(ledger: Ledger) -> None:
    async def stray() -> None:
        async with ledger.write() as conn:
            await probes.record_again(conn, sighting("0" * 12), SightingKind.REPLAY)

    with pytest.raises(IntegrityError):
        await stray()
