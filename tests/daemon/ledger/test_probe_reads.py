"""What the rounds and the pages ask about probes, and that no shop reads another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger import probes
from daemon.ledger.probes import Tally
from daemon.lifecycles.probe import UNSETTLED, ProbeState
from probes.observation import Placement
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON, plant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger import Ledger

S = ProbeState


def ids(rows: Iterable[probes.ProbeRow]) -> list[str]:
    return [row.id for row in rows]


async def one_of_each(conn: AsyncConnection) -> dict[ProbeState, str]:
    return {state: await plant(conn, state) for state in ProbeState}


async def test_unsettled_are_the_seeds_probes_that_are_still_looked_for(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        mine = await one_of_each(conn)
        await plant(conn, S.SUBMITTED, seed="yahoo-1")
        found = await probes.unsettled(conn, "gmail-1")
    assert set(ids(found)) == {mine[state] for state in UNSETTLED}


async def test_past_the_deadline_are_those_that_nothing_has_been_decided_about(
    ledger: Ledger,
) -> None:
    deadline = NOON + 10 * MINUTE
    async with ledger.write() as conn:
        mine = await one_of_each(conn)
        early = await probes.past_deadline(conn, deadline)
        late = await probes.past_deadline(conn, deadline + MINUTE)
    assert early == []
    assert set(ids(late)) == {mine[S.PLANNED], mine[S.SUBMITTED], mine[S.UNOBSERVED]}


async def test_overdue_before_are_the_overdue_whose_deadline_is_long_past(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        mine = await one_of_each(conn)
        await plant(conn, S.OVERDUE, deadline_at=NOON + HOUR)
        found = await probes.overdue_before(conn, NOON + HOUR)
    assert ids(found) == [mine[S.OVERDUE]]


async def test_due_looks_are_the_seeds_sighted_probes_whose_time_has_come(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        second = await plant(conn, S.SIGHTED, next_look_at=NOON + 2 * MINUTE)
        first = await plant(conn, S.SIGHTED, next_look_at=NOON + MINUTE)
        await plant(conn, S.SIGHTED, next_look_at=NOON + HOUR)
        await plant(conn, S.SIGHTED, next_look_at=None)
        await plant(conn, S.SIGHTED, next_look_at=NOON, seed="yahoo-1")
        found = await probes.due_looks(conn, NOON + 2 * MINUTE, "gmail-1")
    assert ids(found) == [first, second]


async def test_planned_since_counts_each_seeds_probes(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for seed, planned_at in [("a", NOON), ("a", NOON + HOUR), ("b", NOON), ("c", NOON - HOUR)]:
            await plant(conn, seed=seed, planned_at=planned_at)
        assert await probes.planned_since(conn, NOON) == {"a": 2, "b": 1}


async def test_last_slots_are_by_shop_route_and_seed(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await plant(conn, slot=NOON + HOUR)
        await plant(conn, slot=NOON)
        await plant(conn, shop="", route="control", slot=NOON)
        assert await probes.last_slots(conn) == {
            ("tea", "relay", "gmail-1"): NOON + HOUR,
            ("", "control", "gmail-1"): NOON,
        }


async def test_by_ids_gives_those_that_there_are(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        one, two = await plant(conn), await plant(conn)
        found = await probes.by_ids(conn, [one, two, two, "NOSUCHPROBE0"])
        assert set(found) == {one, two}
        assert found[one].id == one
        assert await probes.by_ids(conn, []) == {}


async def test_recent_is_the_newest_first_and_no_more_than_asked_for(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        made = [await plant(conn, planned_at=NOON + MINUTE * number) for number in range(5)]
        assert ids(await probes.recent(conn, shop="tea", limit=3)) == made[:1:-1]


async def test_newest_keeps_a_quiet_route_in_sight_beside_a_busy_one(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        quiet = await plant(conn, route="spare", planned_at=NOON)
        busy = [await plant(conn, planned_at=NOON + MINUTE * number) for number in range(1, 6)]
        await plant(conn, route="spare", planned_at=NOON - HOUR)
        found = await probes.newest(conn, shop="tea", since=NOON, depth=2)
    assert ids(found) == [busy[4], busy[3], quiet]


async def test_a_tally_counts_placements_and_for_want_of_one_the_state(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for _ in range(2):
            await plant(conn, S.SIGHTED, placement=Placement.INBOX)
        await plant(conn, S.SIGHTED, placement=Placement.SPAM)
        await plant(conn, S.UNSENT, route="spare", role="fallback")
        await plant(conn, S.SIGHTED, placement=Placement.SPAM, planned_at=NOON - HOUR)
        found = await probes.tally(conn, NOON)
    assert found == [
        Tally("tea", "relay", "primary", "gmail", "inbox", 2),
        Tally("tea", "relay", "primary", "gmail", "spam", 1),
        Tally("tea", "spare", "fallback", "gmail", "unsent", 1),
    ]


async def test_latencies_are_by_route_and_ascending(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for seconds in (3.5, 1.0, None):
            await plant(conn, S.SIGHTED, latency_s=seconds)
        await plant(conn, S.SIGHTED, latency_s=2.0, provider="yahoo")
        found = await probes.latencies(conn, NOON)
    assert found == {("tea", "relay", "gmail"): [1.0, 3.5], ("tea", "relay", "yahoo"): [2.0]}


async def test_open_probes_are_counted_by_provider(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await one_of_each(conn)
        await plant(conn, provider="yahoo")
        assert await probes.open_by_provider(conn) == {"gmail": len(UNSETTLED), "yahoo": 1}


async def test_shops_are_apart(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        tea = await plant(conn, S.SIGHTED, latency_s=1.0)
        coffee = await plant(conn, S.SIGHTED, latency_s=2.0, shop="coffee")
        control = await plant(conn, S.SIGHTED, latency_s=3.0, shop="")

        assert ids(await probes.recent(conn, shop="tea", limit=9)) == [tea]
        assert ids(await probes.recent(conn, shop="", limit=9)) == [control]
        assert len(await probes.recent(conn, shop=None, limit=9)) == 3
        assert ids(await probes.newest(conn, shop="tea", since=NOON, depth=9)) == [tea]
        assert {t.shop for t in await probes.tally(conn, NOON, shop="coffee")} == {"coffee"}
        assert {t.shop for t in await probes.tally(conn, NOON, shop="")} == {""}
        assert list(await probes.latencies(conn, NOON, shop="tea")) == [("tea", "relay", "gmail")]
        assert await probes.get(conn, coffee, shop="tea") is None
        assert await probes.get(conn, coffee, shop="coffee") is not None
        assert await probes.get(conn, coffee) is not None
