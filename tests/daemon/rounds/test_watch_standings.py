"""What becomes of probes turns into belief, incidents and metrics: each probe counted once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from daemon.ledger import incidents, probes, standings
from daemon.lifecycles.incident import IncidentState
from daemon.lifecycles.probe import ProbeState
from daemon.rounds.watch_standings import StandingWatcher
from daemon.rulings.thresholds import Thresholds
from probes.observation import Placement
from tests.daemon.ledger.samples import plant

if TYPE_CHECKING:
    from daemon.rounds.surroundings import Surroundings
    from tests.daemon.rounds.conftest import HeldClock

SEEDS = ("gmail-1", "gmail-2", "gmail-3")


class Scene:
    """Probes that settle one after the other, ten minutes of three seeds a round."""

    def __init__(self, around: Surroundings, shops: tuple[str, ...] = ("tea",)) -> None:
        self.around, self.clock = around, around.clock
        self.shops = shops
        self.watcher = self.fresh()
        self.seeds = itertools.cycle(SEEDS)

    def fresh(self) -> StandingWatcher:
        """A watcher that has just started."""
        return StandingWatcher(self.around, shops=self.shops, thresholds=Thresholds())

    async def settle(self, placement: Placement, **columns: Any) -> str:
        """One probe that was sent now and seen a little later."""
        clock: HeldClock = self.clock  # type: ignore[assignment]
        sent = clock.now()
        seen = clock.pass_(minutes=200 / 60)
        stand = {"route": "relay", "role": "primary", "shop": "tea", "seed": next(self.seeds)}
        state = ProbeState.OVERDUE if placement is Placement.MISSING else ProbeState.SIGHTED
        facts: dict[str, Any] = {
            "submitted_at": sent,
            "planned_at": sent,
            "sighted_at": seen,
            "settled_at": seen,
        }
        facts |= {"first_placement": placement, "placement": placement, "latency_s": 4.0}
        if state is ProbeState.OVERDUE:
            facts |= {"first_placement": None, "sighted_at": None, "settled_at": None}
            facts |= {"deadline_at": seen, "latency_s": None}
        async with self.around.ledger.write() as conn:
            return await plant(conn, state, **{**stand, **facts, **columns})

    async def run(self, placement: Placement, times: int, **columns: Any) -> list[str]:
        """Several, each taken note of at once; returns what happened."""
        said = []
        for _ in range(times):
            await self.settle(placement, **columns)
            said += [str(event.event) for event in await self.watcher.run_once()]
        return said

    async def standing(self) -> list[incidents.IncidentRow]:
        async with self.around.ledger.read() as conn:
            return await incidents.current(conn)

    def p_bad(self, route: str = "relay") -> float:
        return self.watcher.watch.lanes["tea", route, "gmail"].standing.p_bad


@pytest.fixture
def scene(around: Surroundings) -> Scene:
    return Scene(around)


async def test_spam_opens_an_incident_and_the_inbox_ends_it(scene: Scene) -> None:
    assert await scene.run(Placement.INBOX, 12) == []
    assert "opened" in await scene.run(Placement.SPAM, 8)
    [row] = await scene.standing()
    assert (row.shop, row.route, row.provider, row.cause) == ("tea", "relay", "gmail", "route")
    assert row.state is IncidentState.OPEN
    assert row.evidence
    assert row.why.startswith("Gmail: ")
    assert "closed" in await scene.run(Placement.INBOX, 12)
    assert await scene.standing() == []


async def test_a_relapse_is_a_new_episode_of_the_same_incident(scene: Scene) -> None:
    await scene.run(Placement.INBOX, 6)
    await scene.run(Placement.SPAM, 8)
    [first] = await scene.standing()
    await scene.run(Placement.INBOX, 9)
    await scene.run(Placement.SPAM, 8)
    [again] = await scene.standing()
    assert (again.id, again.episode) == (first.id, first.episode + 1)
    assert again.opened_at > first.opened_at


async def test_a_restart_between_any_two_probes_changes_nothing(around: Surroundings) -> None:
    scene = Scene(around)
    await scene.run(Placement.INBOX, 5)
    await scene.run(Placement.SPAM, 3)
    believed = scene.p_bad()
    scene.watcher = scene.fresh()
    assert await scene.watcher.run_once() == []
    assert scene.p_bad() == believed


async def test_a_probe_counts_once_whatever_happens(scene: Scene) -> None:
    await scene.run(Placement.SPAM, 2)
    believed = scene.p_bad()
    for _ in range(3):
        await scene.watcher.run_once()
        await scene.fresh().run_once()
    await scene.watcher.run_once()
    assert scene.p_bad() == believed


async def test_two_watchers_on_one_ledger_believe_as_one_would(around: Surroundings) -> None:
    alone, pair = Scene(around), Scene(around)
    other = pair.fresh()
    for index in range(8):
        await pair.settle(Placement.SPAM if index > 3 else Placement.INBOX)
        await (pair.watcher if index % 2 else other).run_once()
    await pair.watcher.run_once()
    await other.run_once()
    async with around.ledger.read() as conn:
        stored = await standings.load_all(conn)
    alone.watcher.watch.restore(stored.values())
    assert alone.p_bad() == max(
        pair.p_bad(), other.watch.lanes["tea", "relay", "gmail"].standing.p_bad
    )


async def test_late_corrects_missing(scene: Scene) -> None:
    await scene.run(Placement.INBOX, 6)
    late = await scene.settle(Placement.MISSING)
    await scene.watcher.run_once()
    doubted = scene.p_bad()
    seen = scene.clock.now()
    async with scene.around.ledger.write() as conn:
        row = await probes.get(conn, late)
        assert row is not None
        from tests.daemon.ledger.samples import sighting  # noqa: PLC0415 - this test alone

        found = sighting(late, seed=row.seed, seen_at=seen, received_at=row.submitted_at)
        assert await probes.mark_sighted(conn, found, latency_s=4.0, next_look_at=None)
        await conn.exec_driver_sql("UPDATE raws SET judged_at = stored_at")
    await scene.watcher.run_once()
    assert scene.p_bad() < doubted


async def test_a_mailbox_that_was_not_read_is_no_evidence(scene: Scene) -> None:
    await scene.run(Placement.INBOX, 3)
    believed = scene.p_bad()
    async with scene.around.ledger.write() as conn:
        await plant(conn, ProbeState.UNOBSERVED, shop="tea", placement=Placement.UNOBSERVED)
    assert await scene.watcher.run_once() == []
    assert scene.p_bad() == believed


async def test_the_control_route_bears_witness_for_every_shop_and_is_told_of_once(
    around: Surroundings,
) -> None:
    scene = Scene(around, shops=("tea", "toys"))
    control = {"shop": "", "route": "control", "role": "control"}
    await scene.run(Placement.INBOX, 9, **control)
    said = await scene.run(Placement.SPAM, 9, **control)
    assert said.count("opened") == 1
    [row] = await scene.standing()
    assert (row.shop, row.route) == ("", "control")
    assert {key[0] for key in scene.watcher.watch.lanes} == {"tea", "toys"}


async def test_the_metrics_say_what_is_believed_and_what_stands(scene: Scene) -> None:
    await scene.run(Placement.INBOX, 6)
    await scene.run(Placement.SPAM, 8)
    sample = scene.around.metrics.registry.get_sample_value
    lane = {"shop": "tea", "route": "relay", "provider": "gmail"}
    assert (sample("receiptwatch_standing_bad_probability", lane) or 0) > 0.73
    cells = [
        sample("receiptwatch_standing_probability", {**lane, "cell": cell}) or 0
        for cell in ("ok", "blip", "half", "spam", "missing", "burst")
    ]
    assert abs(sum(cells) - 1) < 1e-9
    assert sample("receiptwatch_incident_open", {**lane, "cause": "route"}) == 1
    assert sample("receiptwatch_incidents_total", {"shop": "tea", "cause": "route"}) == 1
    await scene.run(Placement.INBOX, 12)
    assert sample("receiptwatch_incident_open", {**lane, "cause": "route"}) == 0
