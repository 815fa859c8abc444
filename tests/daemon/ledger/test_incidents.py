"""Incidents move by their lifecycle only, and the first mover wins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daemon.ledger import Ledger, incidents
from daemon.lifecycles.incident import INCIDENT, STANDING, IncidentState
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON
from tests.daemon.ledger.watch_samples import incident, opened

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

S = IncidentState
LATER = NOON + HOUR


async def move(conn: AsyncConnection, row: incidents.IncidentRow, new: IncidentState) -> bool:
    match new:
        case S.OPEN:
            return await incidents.reopen(conn, replace(row, opened_at=LATER, changed_at=LATER))
        case S.ACKNOWLEDGED:
            return await incidents.mark_acknowledged(conn, row.id, at=LATER, by="sara")
        case S.RECOVERING:
            return await incidents.mark_recovering(conn, row.id, at=LATER)
        case S.RESOLVED:
            return await incidents.mark_resolved(conn, row.id, at=LATER)
    return await incidents.mark_dismissed(conn, row.id, at=LATER, by="sara")


MOVES = [S.OPEN, S.ACKNOWLEDGED, S.RECOVERING, S.RESOLVED, S.DISMISSED]


@pytest.mark.parametrize("new", MOVES)
async def test_a_move_is_made_from_where_the_table_allows_it_and_from_nowhere_else(
    ledger: Ledger, new: IncidentState
) -> None:
    moved = set()
    for old in S:
        async with ledger.write() as conn:
            row = await opened(conn, state=old)
            if await move(conn, row, new):
                moved.add(old)
            found = await incidents.get(conn, row.id)
        assert found
        assert found.state is (new if old in moved else old)
        assert (found.changed_at == LATER) is (old in moved)
    assert moved == set(INCIDENT.sources(new))
    assert moved


async def test_an_incident_comes_back_as_it_was_stored(ledger: Ledger) -> None:
    row = incident(seed="gmail-1", facts={"fate": "spam", "روز": [1, None]}, probability=0.73)
    async with ledger.write() as conn:
        assert await incidents.open_(conn, row)
        assert await incidents.get(conn, row.id) == row


async def test_what_is_on_record_is_not_opened_again(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        row = await opened(conn)
        assert not await incidents.open_(conn, replace(row, why="Something else."))
        assert await incidents.get(conn, row.id) == row


async def test_a_relapse_begins_an_episode_that_nobody_has_acknowledged(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        row = await opened(conn)
        await incidents.mark_acknowledged(conn, row.id, at=NOON + MINUTE, by="sara")
        await incidents.mark_recovering(conn, row.id, at=NOON + MINUTE)
        await incidents.mark_resolved(conn, row.id, at=NOON + MINUTE)
        again = replace(row, opened_at=LATER, changed_at=LATER, why="Again.", cause="content")
        assert await incidents.reopen(conn, again)
        assert await incidents.get(conn, row.id) == replace(again, episode=2)


async def test_a_relapse_while_it_lasts_counts_no_episode(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        row = await opened(conn)
        assert not await incidents.reopen(conn, row)
        assert await incidents.get(conn, row.id) == row


async def test_who_acknowledges_or_dismisses_and_when_is_kept(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        seen, none = await opened(conn), await opened(conn)
        await incidents.mark_acknowledged(conn, seen.id, at=LATER, by="sara")
        await incidents.mark_dismissed(conn, none.id, at=LATER, by="omid")
        seen_now, none_now = [await incidents.get(conn, row.id) for row in (seen, none)]
    assert seen_now
    assert none_now
    assert (seen_now.acknowledged_at, seen_now.acknowledged_by) == (LATER, "sara")
    assert seen_now.resolved_at is None
    assert (none_now.acknowledged_by, none_now.resolved_at) == ("omid", LATER)


async def test_what_is_known_is_told_anew_without_touching_the_state(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        row = await opened(conn, state=S.ACKNOWLEDGED)
        known = replace(row, cause="provider", why="It is Gmail.", changed_at=LATER, evidence=())
        await incidents.describe(conn, replace(known, state=S.OPEN, opened_at=LATER))
        assert await incidents.get(conn, row.id) == known


async def test_those_that_last_are_current_the_oldest_first(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        rows = [
            await opened(conn, state=state, opened_at=NOON - n * MINUTE)
            for n, state in enumerate(S)
        ]
        found = await incidents.current(conn)
    lasting = [row.id for row in reversed(rows) if row.state in STANDING]
    assert [row.id for row in found] == lasting


async def test_since_shows_also_what_ended_lately_the_newest_first(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        lasting = await opened(conn, opened_at=NOON - 99 * HOUR)
        lately = await opened(conn, state=S.RESOLVED, resolved_at=NOON)
        await opened(conn, state=S.RESOLVED, resolved_at=NOON - HOUR)
        found = await incidents.since(conn, NOON - MINUTE)
    assert [row.id for row in found] == [lately.id, lasting.id]


async def test_a_shop_sees_its_own_alone(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        tea, silk = await opened(conn), await opened(conn, shop="silk")
        assert await incidents.get(conn, tea.id, shop="silk") is None
        assert await incidents.get(conn, tea.id, shop="tea") == tea
        assert await incidents.current(conn, shop="silk") == [silk]
        assert await incidents.since(conn, NOON, shop="tea") == [tea]
