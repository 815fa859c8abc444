"""Nothing goes wrong with order mail in silence: one incident each, told, and ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import update

from daemon.alerts.speech import Reader
from daemon.alerts.story import Effect, Story
from daemon.alerts.wording import render
from daemon.ledger import incidents, notices
from daemon.ledger.schema import mails
from daemon.lifecycles.incident import IncidentState
from daemon.lifecycles.order_mail import MailState
from daemon.rounds.stories import Names, subject_of
from daemon.rounds.watch_routes import RouteWatcher
from tests.daemon.ledger.watch_samples import planned
from tests.daemon.outbound.test_connection import scripted
from tests.daemon.rounds.post_office import SHOP, PostOffice, post_office, way

if TYPE_CHECKING:
    from daemon.ledger.incidents import IncidentRow
    from daemon.rounds.surroundings import Surroundings

READER = Reader("en", "UTC")
NOBODY = 9
"""A port of loopback where nobody is."""


def watcher(office: PostOffice) -> RouteWatcher:
    return RouteWatcher(office.around, office.ways)


async def all_of(office: PostOffice) -> list[IncidentRow]:
    async with office.ledger.read() as conn:
        return await incidents.since(conn, office.clock.now().replace(year=2020))


async def story_of(office: PostOffice, row: IncidentRow) -> Story:
    """What the owner is told of it."""
    async with office.ledger.write() as conn:
        key = await planned(conn, row.id, kind="opened", at=office.clock.now())
        notice = await notices.get(conn, key)
        assert notice
        story = await subject_of(conn, notice, Names(), office.clock.now())
    assert isinstance(story, Story)
    return story


async def test_a_fallback_that_works_does_not_hide_a_broken_primary(around: Surroundings) -> None:
    async with scripted() as server, post_office(around, {"main": NOBODY, "spare": server}) as on:
        for number in (1, 2):
            mail = await on.take_in(number)
            await on.until(mail, "accepted", attempts=2)
            await watcher(on).run_once()
            on.later(hours=1)
        [row] = await all_of(on)
        assert (row.shop, row.route, row.cause, row.state) == (SHOP, "main", "refused", "open")
        assert (row.facts["failed"], row.facts["sent"]) == (2, 2)
        text = render(await story_of(on, row), READER, key="key").text
    assert "the mail server of main refuses receipts" in text
    assert "2 receipts went by another route; their customers need not wait." in text


async def test_the_owner_is_told_when_the_route_takes_mail_again(around: Surroundings) -> None:
    async with scripted() as server, post_office(around, {"main": NOBODY}) as on:
        mail = await on.take_in()
        for tries in (1, 2, 3):
            await _tried(on, mail, tries)
            on.later(minutes=30)
        await _tried(on, mail, 4)
        await watcher(on).run_once()
        [row] = await all_of(on)
        assert row.state == IncidentState.OPEN
        mended = way(around, server)
        on.sender._lanes[0].way = mended
        on.later(hours=2)
        await on.until(mail, "accepted")
        for number in (2, 3):
            await on.until(await on.take_in(number), "accepted")
        await watcher(on).run_once()
        [row] = await all_of(on)
        assert row.state == IncidentState.RESOLVED


async def test_it_is_one_incident_however_often_it_is_looked_at(around: Surroundings) -> None:
    async with scripted() as server, post_office(around, {"main": NOBODY, "spare": server}) as on:
        for number in range(4):
            await on.until(await on.take_in(number), "accepted", attempts=2)
            on.later(minutes=30)
            await watcher(on).run_once()
            await watcher(on).run_once()
        assert len(await all_of(on)) == 1


async def test_mail_that_nobody_takes_is_told_once_after_five_days(around: Surroundings) -> None:
    async with post_office(around, {"main": NOBODY}) as on:
        taken = [await on.take_in(number) for number in range(3)]
        await on.until(taken[0], "deferred")
        await _nothing_in_hand(on)
        on.later(days=5, minutes=1)
        for mail in taken:
            await on.until(mail, "cancelled")
        await watcher(on).run_once()
        await watcher(on).run_once()
        [row] = [one for one in await all_of(on) if one.cause == "held"]
        story = await story_of(on, row)
    assert (story.effect, story.held) == (Effect.HELD, 3)
    said = render(story, READER, key="key").text
    assert "receipts wait for your decision" in said
    assert "3 receipts wait." in said


async def test_what_is_decided_ends_the_incident(around: Surroundings) -> None:
    refusing = scripted({"RCPT": "550 5.7.1 not from you"})
    async with refusing as server, post_office(around, {"main": server}) as on:
        await on.until(await on.take_in(), "rejected")
        await watcher(on).run_once()
        [row] = [one for one in await all_of(on) if one.cause == "held"]
        assert (row.state, row.why[:15]) == (IncidentState.OPEN, "1 receipt waits")
        async with on.ledger.write() as conn:
            await conn.execute(update(mails).values(state=MailState.ABANDONED))
        await watcher(on).run_once()
        [row] = [one for one in await all_of(on) if one.cause == "held"]
    assert row.state == IncidentState.RESOLVED


async def _tried(office: PostOffice, mail: str, tries: int) -> None:
    async with asyncio.timeout(10):
        while sum(len(past.tries) for past in await office.past(mail)) < tries:
            await asyncio.sleep(0.01)
        await office.until(mail, "deferred")


async def _nothing_in_hand(office: PostOffice) -> None:
    async with asyncio.timeout(10):
        while office.sender._in_hand:
            await asyncio.sleep(0.01)
