"""What is told of order mail: by whom it is refused or returned, since when, once, and its end."""

from __future__ import annotations

import asyncio
import itertools
import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, insert, select, update

from daemon.ledger import bounces, incidents, route_health, schema
from daemon.ledger.bounces import Effect
from daemon.lifecycles.incident import IncidentState
from daemon.lifecycles.order_mail import MailState
from daemon.rounds.watch_routes import RouteWatcher
from daemon.rulings.alerting import QuietHours
from daemon.rulings.incidents import Happening
from daemon.rulings.retries import LIFE
from probes.observation import Fault
from tests.daemon.ledger.attempt_samples import bounce, received
from tests.daemon.rounds.post_office import post_office
from tests.daemon.rounds.reception import Reception, reception

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.ledger.incidents import IncidentRow
    from daemon.rounds.surroundings import Surroundings

NOBODY = 9
"""A port of loopback where nobody is."""
ROUTES = (("tea", "main"), ("tea", "spare"))
LOGIN: dict[str, Any] = {"outcome": "rejected", "stage": "login", "code": 535, "enhanced": "5.7.8"}
_numbers = itertools.count(1)

on_sqlite = pytest.mark.parametrize("around", ["sqlite"], indirect=True)
"""What is decided is the same whatever database keeps it."""


class Shop:
    """A shop with two routes; its mails are as the ledger would have them."""

    def __init__(self, around: Surroundings, probed: tuple[str, ...] = ()) -> None:
        self.around, self.probed = around, probed
        self.watcher = self.fresh()

    def fresh(self) -> RouteWatcher:
        return RouteWatcher(self.around, ROUTES, self.probed)

    @property
    def now(self) -> datetime:
        return self.around.clock.now()

    def later(self, **time: float) -> None:
        self.around.clock.pass_(**time)  # type: ignore[attr-defined]

    async def mail(self, *, route: str = "main", n: int = 1, **changes: Any) -> str:
        async with self.around.ledger.write() as conn:
            mail = await received(conn, route=route, n=n, **changes)
            here = schema.mails.c.id == mail
            await conn.execute(update(schema.mails).where(here).values(changed_at=self.now))
        return mail

    async def tried(self, *, route: str = "main", **facts: Any) -> str:
        """A mail of its own is tried now; by default it is taken."""
        mail = await self.mail(route=route, **facts.pop("mail", {}))
        row = {"outcome": "accepted", "stage": "data", "code": 250, "text": "said so", **facts}
        when = {"shop": "tea", "route": route, "started_at": self.now, "ended_at": self.now}
        async with self.around.ledger.write() as conn:
            of = select(schema.attempts.c.id).where(schema.attempts.c.mail == mail)
            attempt = (await conn.execute(of)).scalar_one()
            await conn.execute(insert(schema.tries).values(attempt=attempt, n=1, **when, **row))
        return mail

    async def came_back(self, provider: str | None, **changes: Any) -> str:
        """A mail of its own to the provider comes back now."""
        mail = await self.tried(mail={"recipient": "ann@shop-of.example"})
        async with self.around.ledger.write() as conn:
            here = schema.mails.c.id == mail
            await conn.execute(update(schema.mails).where(here).values(provider=provider))
            of = select(schema.attempts.c.id).where(schema.attempts.c.mail == mail)
            named: Any = _Named((await conn.execute(of)).scalar_one())
            told: dict[str, Any] = {
                "fault": Fault.SENDER,
                "reason": "blocked",
                "text": "550 5.7.1 Blocked",
            }
            told |= {"received_at": self.now, "sha256": str(next(_numbers)).encode(), **changes}
            row = bounce(named, **told)
            effect = Effect(MailState.AT_RISK, "It came back.")
            await conn.execute(update(schema.attempts).where(*_of(mail)).values(_ACCEPTED))
            await bounces.record(conn, row, effect, at=self.now)
        return mail

    async def look(self) -> list[Happening]:
        """What a watcher that has just started sees."""
        return [move.what for move in await self.fresh().run_once()]

    async def all(self) -> list[IncidentRow]:
        async with self.around.ledger.read() as conn:
            return await incidents.since(conn, self.now - timedelta(days=99))

    async def standing(self) -> IncidentRow:
        async with self.around.ledger.read() as conn:
            [row] = await incidents.current(conn)
        return row


class _Named:
    """As much of a claimed attempt as a bounce names."""

    shop, recipient = "tea", "ann@shop-of.example"

    def __init__(self, attempt: str) -> None:
        self.attempt = attempt


_ACCEPTED = {"state": "accepted", "tries": 1, "settled_at": datetime(2026, 1, 5, tzinfo=UTC)}


def _of(mail: str) -> tuple[Any, ...]:
    return (schema.attempts.c.mail == mail,)


@pytest.fixture
def shop(around: Surroundings) -> Shop:
    return Shop(around)


@pytest.fixture
async def at(around: Surroundings, tmp_path: Path) -> AsyncIterator[Reception]:
    async with reception(around, tmp_path) as made:
        yield made


async def outage(shop: Shop, mails: int = 8, **facts: Any) -> None:
    for _ in range(mails):
        await shop.tried(**{**LOGIN, "fault": Fault.SENDER, **facts})
        shop.later(minutes=2)


async def recovery(shop: Shop) -> None:
    for _ in range(3):
        await shop.tried()
        shop.later(minutes=1)


@on_sqlite
async def test_one_outage_is_one_incident_until_it_is_over_and_stays_over(shop: Shop) -> None:
    await outage(shop)
    assert await shop.look() == [Happening.OPENED]
    assert await shop.look() == []
    await recovery(shop)
    assert await shop.look() == [Happening.CLOSED]
    for _ in range(5):
        shop.later(minutes=1)
        assert await shop.look() == []
    [row] = await shop.all()
    assert (row.state, row.episode) == (IncidentState.RESOLVED, 1)


@on_sqlite
async def test_trouble_that_is_back_within_two_hours_is_the_same_one_again(shop: Shop) -> None:
    await outage(shop)
    await shop.look()
    await recovery(shop)
    await shop.look()
    shop.later(minutes=30)
    await outage(shop)
    assert await shop.look() == [Happening.OPENED]
    [row] = await shop.all()
    assert (row.state, row.episode) == (IncidentState.OPEN, 2)


@on_sqlite
async def test_it_began_when_it_began_however_long_it_lasts(shop: Shop) -> None:
    began = shop.now
    await outage(shop, 3)
    await shop.look()
    for _ in range(10):
        shop.later(hours=1)
        await outage(shop, 1)
        await shop.look()
    assert (await shop.standing()).facts["since"] == began.isoformat()


async def test_two_watchers_at_once_open_one(shop: Shop) -> None:
    await outage(shop)
    await asyncio.gather(*(shop.fresh().run_once() for _ in range(4)))
    [row] = await shop.all()
    assert row.episode == 1


@on_sqlite
async def test_a_dismissed_one_stays_dismissed_until_the_route_took_a_mail(shop: Shop) -> None:
    await outage(shop)
    await shop.look()
    async with shop.around.ledger.write() as conn:
        [row] = await incidents.current(conn)
        await incidents.mark_dismissed(conn, row.id, at=shop.now, by="sara")
    await outage(shop)
    assert await shop.look() == []
    await recovery(shop)
    shop.later(hours=3)
    await outage(shop)
    assert await shop.look() == [Happening.OPENED]
    assert len(await shop.all()) == 2


@on_sqlite
async def test_the_row_shows_what_was_said_and_what_to_do(shop: Shop) -> None:
    await shop.tried(outcome="failed", stage="connect", code=None, text="no route to host")
    await outage(shop, text="5.7.8 Bad credentials")
    await shop.look()
    row = await shop.standing()
    assert row.cause == "refused"
    assert "The route did not accept the login." in row.why
    assert len(row.facts["replies"]) == 5
    assert row.facts["replies"][-1].endswith("login: 535 5.7.8 5.7.8 Bad credentials")
    assert "password" in row.facts["remedy"]


@on_sqlite
async def test_a_refusal_for_dmarc_is_the_proof_of_the_sender(shop: Shop) -> None:
    said: dict[str, Any] = {
        "stage": "data",
        "code": 550,
        "enhanced": "5.7.1",
        "text": "rejected by DMARC policy",
    }
    await outage(shop, **said)
    await shop.look()
    assert (await shop.standing()).cause == "authentication"


@on_sqlite
async def test_a_route_that_the_settings_know_no_longer_is_in_no_trouble(shop: Shop) -> None:
    await outage(shop)
    await shop.look()
    without = RouteWatcher(shop.around, [("tea", "spare")])
    assert [move.what for move in await without.run_once()] == [Happening.CLOSED]


@pytest.mark.parametrize(("provider", "place"), [("comcast", "comcast"), ("", "shop-of.example")])
async def test_what_comes_back_from_where_no_probe_goes_is_told(
    shop: Shop, provider: str, place: str
) -> None:
    await shop.came_back(provider)
    assert await shop.look() == []
    shop.later(minutes=20)
    await shop.came_back(provider)
    assert await shop.look() == [Happening.OPENED]
    row = await shop.standing()
    assert (row.route, row.provider, row.cause) == ("main", place, "route")
    assert row.facts["replies"][-1].endswith("550 5.7.1 Blocked")
    shop.later(hours=5)
    await shop.tried(mail={"recipient": "ann@shop-of.example"})
    assert await shop.look() == []
    shop.later(hours=1, minutes=1)
    assert await shop.look() == ([Happening.CLOSED] if not provider else [])


@on_sqlite
async def test_where_probes_go_the_standing_comes_first(around: Surroundings) -> None:
    shop = Shop(around, probed=("gmail",))
    for _ in range(2):
        await shop.came_back("gmail")
    assert await shop.look() == []
    shop.later(hours=2)
    await shop.came_back("gmail", reason="authentication")
    assert await shop.look() == [Happening.OPENED]
    assert (await shop.standing()).cause == "authentication"


@on_sqlite
@pytest.mark.parametrize("other", [{"fault": Fault.SEED}, {"attempt": "another's", "mail": None}])
async def test_what_is_not_the_senders_fault_or_not_ours_is_not_told(
    shop: Shop, other: dict[str, Any]
) -> None:
    for _ in range(3):
        await shop.came_back("comcast", **other)
    assert await shop.look() == []


@on_sqlite
async def test_mail_that_waits_is_told_again_after_somebody_dismissed_it(shop: Shop) -> None:
    await shop.mail(mail_state=MailState.HELD)
    assert await shop.look() == [Happening.OPENED]
    row = await shop.standing()
    shop.later(minutes=1)
    async with shop.around.ledger.write() as conn:
        await incidents.mark_dismissed(conn, row.id, at=shop.now, by="sara")
    shop.later(minutes=1)
    assert await shop.look() == []
    await shop.mail(mail_state=MailState.IN_DOUBT)
    assert await shop.look() == [Happening.OPENED]
    assert (await shop.standing()).facts["mails"] == 1


@on_sqlite
async def test_while_nothing_changes_nothing_is_written(shop: Shop) -> None:
    await outage(shop)
    await shop.mail(mail_state=MailState.HELD)
    await shop.look()
    asked: list[str] = []
    async with shop.around.ledger.write():  # nobody else may write now
        asked += await asyncio.wait_for(shop.look(), 5)
    assert asked == []


@on_sqlite
async def test_a_hundred_held_mails_are_one_notice_and_one_end(at: Reception) -> None:
    shop, notifier = Shop(at.around), at.notifier(at.contact())
    for _ in range(10):
        for _ in range(10):
            await shop.mail(mail_state=MailState.HELD)
        await shop.look()
        await at.round(notifier)
        at.clock.pass_(minutes=2)
    assert at.subjects == ["Saffron Tea: receipts wait for your decision"]
    async with at.around.ledger.write() as conn:
        await conn.execute(update(schema.mails).values(state=MailState.ABANDONED))
    await shop.look()
    await at.round(notifier)
    assert at.subjects[1:] == ["Solved: Saffron Tea: no receipt waits for your decision any more"]


@on_sqlite
async def test_the_end_of_a_refusal_for_dmarc_names_the_route_and_no_provider(
    at: Reception,
) -> None:
    shop, notifier = Shop(at.around), at.notifier(at.contact())
    said: dict[str, Any] = {"stage": "data", "code": 550, "enhanced": "5.7.26", "text": "no DMARC"}
    await outage(shop, **said)
    await shop.look()
    await at.round(notifier)
    await recovery(shop)
    await shop.look()
    await at.round(notifier)
    solved = "Solved: Saffron Tea: the mail server of main takes receipts again"
    assert at.subjects[1:] == [solved]


@on_sqlite
async def test_mail_that_waits_is_worth_waking_somebody_for(at: Reception) -> None:
    night = QuietHours(time(11), time(13))
    asleep = at.contact(quiet=night, wakes=True)
    await Shop(at.around).mail(mail_state=MailState.HELD)
    await Shop(at.around).look()
    await at.round(at.notifier(asleep))
    assert at.subjects == ["Saffron Tea: receipts wait for your decision"]


@on_sqlite
async def test_a_login_that_is_refused_is_told_and_its_end_while_the_fallback_delivers(
    at: Reception,
) -> None:
    shop, notifier = Shop(at.around), at.notifier(at.contact())
    for _ in range(4):
        await shop.tried(**LOGIN, fault=Fault.SENDER)
        await shop.tried(route="spare", mail={"cause": "failover"})
        at.clock.pass_(minutes=2)
    await shop.look()
    await at.round(notifier)
    [told] = at.bodies
    assert told["data"]["subject"] == "Saffron Tea: the mail server of main refuses receipts"
    assert (
        "4 receipts went by another route; their customers need not wait." in told["data"]["text"]
    )
    assert "Check user name and password of the route" in told["data"]["text"]
    await recovery(shop)
    await shop.look()
    await at.round(notifier)
    solved = "Solved: Saffron Tea: the mail server of main takes receipts again"
    assert at.subjects[1:] == [solved]


@on_sqlite
async def test_a_mail_that_nobody_takes_for_five_days_is_one_notice(at: Reception) -> None:
    notifier = at.notifier(at.contact())
    async with post_office(at.around, {"main": NOBODY}) as office:
        watcher = RouteWatcher(at.around, office.ways)
        mail, ends = await office.take_in(), at.clock.now() + LIFE
        tries = 0
        while (await office.mail(mail)).state != MailState.HELD:
            tries += 1
            await _tried(office, mail, tries)
            await watcher.run_once()
            await at.round(notifier)
            [past] = await office.past(mail)
            at.clock.at = max(at.clock.now(), past.attempt.due_at)
            office.sender.wake()
        assert at.clock.now() >= ends
        await watcher.run_once()
        await at.rounds(notifier, 3, minutes=5)
    assert tries > 30
    assert at.subjects.count("Saffron Tea: receipts wait for your decision") == 1


async def _tried(office: Any, mail: str, tries: int) -> None:
    async with asyncio.timeout(10):
        while True:
            [past] = await office.past(mail)
            over = past.attempt.state == "cancelled"
            if over or (len(past.tries) >= tries and past.attempt.state == "deferred"):
                return
            await asyncio.sleep(0.005)


@on_sqlite
async def test_everything_is_found_by_its_index(around: Surroundings) -> None:
    asked: list[tuple[str, Any]] = []
    async with around.ledger.read() as conn:
        event.listen(conn.sync_connection, "before_cursor_execute", lambda *a: asked.append(a[2:4]))
        since = around.clock.now()
        await route_health.newest(conn, ("tea", "main"), since)
        await route_health.taken_over(conn, "tea", ["spare"], since)
        await route_health.came_back(conn, "tea", since)
        await route_health.waiting(conn, "tea")
        plans = [
            str((await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", of)).all())
            for one, of in list(asked)
        ]
    wanted = ["ix_tries_ended", "ix_tries_ended", "ix_bounces_shop", "ix_mails_stuck"]
    for plan, index in zip(plans, wanted, strict=True):
        assert index in plan
        assert not re.search("SCAN (tries|attempts|bounces|mails)", plan)
