"""Order mail that came back by the sender's fault moves the standing of its lane, once."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, update

from daemon.ledger import bounce_evidence, bounces, incidents, schema
from daemon.ledger.bounces import Bounce, Effect
from daemon.lifecycles.order_mail import MailState
from daemon.lifecycles.probe import ProbeState
from daemon.rounds.watch_standings import StandingWatcher
from daemon.rulings.thresholds import Thresholds
from probes.observation import Fault, Placement
from tests.daemon.ledger.attempt_samples import received
from tests.daemon.ledger.samples import plant

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.rounds.surroundings import Surroundings

BLOCKED = Effect(MailState.AT_RISK, "It came back.")
LANE = ("tea", "relay", "gmail")
_numbers = itertools.count(1)


class Scene:
    """A lane that landed for a while, and order mail by the same route that comes back."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.watcher = self.fresh()

    def fresh(self) -> StandingWatcher:
        """A watcher that has just started."""
        return StandingWatcher(self.around, shops=("tea",), thresholds=Thresholds())

    async def land(self, times: int = 6) -> None:
        for index in range(times):
            at = self.around.clock.now()
            self.around.clock.pass_(minutes=3)  # type: ignore[attr-defined]
            facts: dict[str, Any] = {
                "shop": "tea",
                "route": "relay",
                "role": "primary",
                "seed": f"gmail-{index % 3 + 1}",
                "placement": Placement.INBOX,
                "first_placement": Placement.INBOX,
                "latency_s": 4.0,
            }
            instants = ("submitted_at", "planned_at", "sighted_at", "settled_at")
            async with self.around.ledger.write() as conn:
                await plant(conn, ProbeState.SIGHTED, **facts, **dict.fromkeys(instants, at))
        await self.watcher.run_once()

    async def come_back(self, effect: Effect = BLOCKED, **changes: Any) -> str:
        """A mail of its own to Gmail comes back; its id."""
        provider = changes.pop("provider", "gmail")
        async with self.around.ledger.write() as conn:
            mail = await received(conn, route=changes.pop("route", "relay"))
            named = schema.mails.c.id == mail
            await conn.execute(update(schema.mails).where(named).values(provider=provider))
            of = select(schema.attempts.c.id).where(schema.attempts.c.mail == mail)
            attempt = (await conn.execute(of)).scalar_one()
            await bounces.record(conn, self._bounce(mail, attempt, changes), effect, at=self.now)
        return mail

    def _bounce(self, mail: str, attempt: str, changes: dict[str, Any]) -> Bounce:
        facts: dict[str, Any] = {
            "shop": "tea",
            "message": None,
            "mail": mail,
            "attempt": attempt,
            "recipient": "ann@gmail.example",
            "sha256": str(next(_numbers)).encode(),
            "received_at": self.now,
            "kind": "bounce",
            "signed": True,
            "status": "5.7.26",
            "reason": "authentication",
            "hard": True,
            "fault": Fault.SENDER,
            "text": "550-5.7.26 Unauthenticated email",
            "facts": {},
        }
        return Bounce(**{**facts, **changes})

    @property
    def now(self) -> datetime:
        return self.around.clock.now()

    @property
    def p_bad(self) -> float:
        return self.watcher.watch.lanes[LANE].standing.p_bad

    async def open_(self) -> list[tuple[str, str, str]]:
        async with self.around.ledger.read() as conn:
            rows = await incidents.current(conn)
        return [(row.shop, row.route, row.provider or "") for row in rows]

    async def unmarked(self) -> int:
        async with self.around.ledger.read() as conn:
            query = select(schema.bounces.c.id).where(schema.bounces.c.watched_at.is_(None))
            return len((await conn.execute(query)).all())


@pytest.fixture
async def scene(around: Surroundings) -> Scene:
    scene = Scene(around)
    await scene.land()
    return scene


async def test_one_bounce_is_a_doubt_and_three_are_an_incident(scene: Scene) -> None:
    before = scene.p_bad
    await scene.come_back()
    assert await scene.watcher.run_once() == []
    assert scene.p_bad > 10 * before
    assert await scene.open_() == []
    await scene.come_back()
    await scene.come_back()
    assert [str(told.event) for told in await scene.watcher.run_once()] == ["opened"]
    assert await scene.open_() == [LANE]


async def test_a_bounce_counts_once_for_two_watchers_and_after_a_restart(scene: Scene) -> None:
    await scene.come_back()
    await scene.watcher.run_once()
    believed = scene.p_bad
    other = scene.fresh()
    for _ in range(2):
        await other.run_once()
        await scene.watcher.run_once()
        scene.watcher = scene.fresh()
        await scene.watcher.run_once()
    assert scene.p_bad == other.watch.lanes[LANE].standing.p_bad == believed
    assert await scene.unmarked() == 0


async def test_two_bounces_across_a_restart_and_a_third_open_one(scene: Scene) -> None:
    for _ in range(3):
        assert await scene.open_() == []
        await scene.come_back()
        scene.watcher = scene.fresh()
        await scene.watcher.run_once()
    assert await scene.open_() == [LANE]


async def test_what_speaks_of_no_lane_is_marked_and_not_counted(scene: Scene) -> None:
    before = scene.p_bad
    await scene.come_back(kind="delay")
    await scene.come_back(kind="complaint")
    await scene.come_back(effect=Effect())
    await scene.come_back(attempt="")
    await scene.come_back(attempt="another")
    await scene.come_back(route="never-probed")
    await scene.come_back(provider="yahoo")
    await scene.come_back(received_at=scene.now - timedelta(hours=6, minutes=1))
    assert await scene.watcher.run_once() == []
    assert scene.p_bad == before
    assert await scene.unmarked() == 0
    assert list(scene.watcher.watch.lanes) == [LANE]


@pytest.mark.parametrize("fault", [Fault.SEED, Fault.UNKNOWN])
async def test_another_ones_fault_is_no_evidence(scene: Scene, fault: Fault) -> None:
    before = scene.p_bad
    for _ in range(3):
        await scene.come_back(fault=fault)
    assert await scene.watcher.run_once() == []
    assert scene.p_bad == before


async def test_one_waits_while_its_provider_is_looked_up(scene: Scene) -> None:
    before = scene.p_bad
    mail = await scene.come_back(provider=None)
    await scene.watcher.run_once()
    assert (scene.p_bad, await scene.unmarked()) == (before, 1)
    async with scene.around.ledger.write() as conn:
        named = schema.mails.c.id == mail
        await conn.execute(update(schema.mails).where(named).values(provider="gmail"))
    await scene.watcher.run_once()
    assert scene.p_bad > before
    assert await scene.unmarked() == 0


async def test_one_whose_provider_stays_unknown_is_given_up_in_time(scene: Scene) -> None:
    before = scene.p_bad
    await scene.come_back(provider=None)
    scene.around.clock.pass_(hours=7)  # type: ignore[attr-defined]
    await scene.watcher.run_once()
    assert (scene.p_bad, await scene.unmarked()) == (before, 0)


async def test_what_is_new_is_found_by_its_index(scene: Scene) -> None:
    asked: list[tuple[str, Any]] = []
    async with scene.around.ledger.read() as conn:
        if conn.dialect.name != "sqlite":
            pytest.skip("SQLite's plan does not depend on how many rows there are")
        event.listen(
            conn.sync_connection, "before_cursor_execute", lambda *call: asked.append(call[2:4])
        )
        await bounce_evidence.unwatched(conn, stale=scene.now, limit=1)
        [(statement, values)] = asked
        plan = await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        assert "INDEX ix_bounces_unwatched" in plan.all()[0].detail
