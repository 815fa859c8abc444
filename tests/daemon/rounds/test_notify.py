"""Who is told what: once, in their language, in order, and by another channel when one fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from daemon import desk
from daemon.clock import ScaledClock
from daemon.ledger import incidents
from daemon.ledger.states import NoticeState
from daemon.lifecycles.incident import IncidentState
from daemon.rounds.parties import OPERATOR
from daemon.rulings.alerting import Policy, QuietHours
from tests.daemon.alerts.http_server import HttpServer, Reply
from tests.daemon.rounds.reception import POLICY, Reception, reception, since

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.rounds.surroundings import Surroundings

FULL = Reply(503, headers={"Retry-After": "20"})


@pytest.fixture
async def desk_bell(around: Surroundings, tmp_path: Path) -> AsyncIterator[Reception]:
    folder = tmp_path / "secrets"
    folder.mkdir()
    async with reception(around, folder) as made:
        yield made


async def test_an_incident_is_told_once_with_its_sentence_and_what_to_do(
    desk_bell: Reception,
) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    row = await desk_bell.open(facts=since(desk_bell.clock.now() - timedelta(minutes=20)))
    [told] = await desk_bell.rounds(notifier, 5, seconds=2)
    assert (told.state, told.attempts, told.about) == (NoticeState.SENT, 1, (row.id,))
    [body] = desk_bell.bodies
    text = body["data"]["text"]
    assert body["data"]["subject"] == "Saffron Tea: receipts go to spam at Gmail"
    assert "2 of your 3 test inboxes at Gmail put the last 3 receipts into spam" in text
    assert "(normally 1 in 200)" in text
    assert "Your other route lands, so it is this route (relay), since 11:40." in text
    assert "What to do" in text
    assert desk_bell.services.seen[0].headers["webhook-id"] == told.key
    assert desk_bell.counted("webhook", "opened", "sent") == 1


async def test_each_contact_is_told_in_its_own_language(desk_bell: Reception) -> None:
    persian = desk_bell.contact("omid", language="fa", zone="Asia/Tehran")
    await desk_bell.open()
    await desk_bell.round(desk_bell.notifier(desk_bell.contact(), persian))
    spoken = {(b["data"]["language"], b["data"]["direction"]) for b in desk_bell.bodies}
    assert spoken == {("en", "ltr"), ("fa", "rtl")}


async def test_incidents_of_one_shop_that_open_together_are_one_notice(
    desk_bell: Reception,
) -> None:
    notifier = desk_bell.notifier(desk_bell.contact(), policy=Policy())
    rows = [await desk_bell.open(provider=name) for name in ("gmail", "yahoo")]
    assert await desk_bell.round(notifier) == []
    desk_bell.clock.pass_(minutes=1)
    [told] = await desk_bell.round(notifier)
    assert sorted(told.about) == sorted(row.id for row in rows)
    assert desk_bell.subjects == ["Saffron Tea: 2 problems with receipts"]


async def test_daemons_on_one_database_tell_it_once(desk_bell: Reception) -> None:
    rows = [await desk_bell.open(provider=f"p{n}") for n in range(3)]
    daemons = [desk_bell.notifier(desk_bell.contact()) for _ in range(4)]
    for _ in range(3):
        await asyncio.gather(*(daemon.run_once() for daemon in daemons))
        await asyncio.gather(*(daemon.close() for daemon in daemons))
    [told] = await desk_bell.notices()
    assert len(told.about) == len(rows)
    assert len(desk_bell.bodies) == 1


async def test_when_it_is_over_that_is_told_with_what_happened_in_between(
    desk_bell: Reception,
) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    row = await desk_bell.open(facts=since(desk_bell.clock.now()))
    await desk_bell.round(notifier)
    desk_bell.clock.pass_(hours=2, minutes=10)
    await desk_bell.end(row)
    told = await desk_bell.rounds(notifier, 3, minutes=5)
    assert [t.kind for t in told] == ["opened", "resolved"]
    text = desk_bell.bodies[-1]["data"]["text"]
    assert desk_bell.subjects[-1] == "Solved: Saffron Tea: receipts land again at Gmail"
    assert "It lasted 2 hours and 10 minutes." in text


async def test_a_relapse_is_told_anew_and_says_so(desk_bell: Reception) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    row = await desk_bell.open()
    await desk_bell.round(notifier)
    await desk_bell.end(row)
    await desk_bell.round(notifier)
    now = desk_bell.clock.pass_(minutes=9)
    async with desk_bell.around.ledger.write() as conn:
        assert await incidents.reopen(conn, replace(row, opened_at=now, changed_at=now))
    await desk_bell.rounds(notifier, 2, minutes=1)
    assert desk_bell.subjects[-1].startswith("Again: Saffron Tea")
    assert len(desk_bell.subjects) == 3


async def test_what_a_person_dismisses_is_never_called_solved(desk_bell: Reception) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    row = await desk_bell.open()
    await desk_bell.round(notifier)
    await desk_bell.end(row, IncidentState.DISMISSED)
    told = await desk_bell.rounds(notifier, 2, minutes=5)
    assert [t.kind for t in told] == ["opened"]


async def test_another_cause_is_told_beside_the_one_before(desk_bell: Reception) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    row = await desk_bell.open()
    await desk_bell.round(notifier)
    now = desk_bell.clock.pass_(minutes=9)
    async with desk_bell.around.ledger.write() as conn:
        await incidents.describe(conn, replace(row, cause="provider", changed_at=now))
    told = await desk_bell.rounds(notifier, 2, minutes=1)
    assert [t.kind for t in told] == ["opened", "cause_changed"]
    text = desk_bell.bodies[-1]["data"]["text"]
    assert "Before, it looked like the route; now it is the provider." in text
    assert "Wait. Gmail has to mend this" in text


async def test_nobody_acknowledges_so_the_next_is_told(desk_bell: Reception) -> None:
    boss = desk_bell.contact("boss", rank=1)
    notifier = desk_bell.notifier(desk_bell.contact(), boss)
    await desk_bell.open()
    told = await desk_bell.rounds(notifier, 31, minutes=1)
    assert [(t.contact, t.kind) for t in told] == [("sara", "opened"), ("boss", "escalated")]
    assert told[1].planned_at - told[0].planned_at == timedelta(minutes=30)


async def test_who_acknowledges_ends_the_escalation_and_the_reminders(
    desk_bell: Reception,
) -> None:
    boss = desk_bell.contact("boss", rank=1)
    notifier = desk_bell.notifier(desk_bell.contact(), boss)
    row = await desk_bell.open()
    await desk_bell.round(notifier)
    async with desk_bell.around.ledger.write() as conn:
        await desk.acknowledge(conn, row.id, at=desk_bell.clock.now(), by="sara")
    told = await desk_bell.rounds(notifier, 30, hours=1)
    assert [t.contact for t in told] == ["sara"]


async def test_quiet_hours_hold_a_notice_back_and_no_longer(desk_bell: Reception) -> None:
    start, end = (desk_bell.clock.now().time().replace(hour=hour) for hour in (11, 14))
    sleeper = desk_bell.contact(quiet=QuietHours(start, end))
    light = desk_bell.contact("omid", quiet=QuietHours(start, end), wakes=True)
    notifier = desk_bell.notifier(sleeper, light)
    await desk_bell.open(cause="provider")
    assert await desk_bell.round(notifier) == []
    acute = await desk_bell.open()
    told = await desk_bell.rounds(notifier, 12, minutes=10)
    first, *rest = told
    assert (first.contact, first.about) == ("omid", (acute.id,))
    assert {t.planned_at.hour for t in rest} == {14}
    assert {t.contact for t in rest} == {"sara", "omid"}


async def test_a_channel_that_fails_is_tried_again_in_its_own_time(desk_bell: Reception) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    await desk_bell.open()
    desk_bell.services.fault = FULL
    [told] = await desk_bell.round(notifier)
    assert told.state is NoticeState.PLANNED
    assert told.due_at - desk_bell.clock.now() == timedelta(seconds=20)
    assert "503" in (told.error or "")
    desk_bell.services.fault = None
    desk_bell.clock.pass_(seconds=19)
    await desk_bell.round(notifier)
    assert len(desk_bell.bodies) == 1
    desk_bell.clock.pass_(seconds=1)
    [told] = await desk_bell.round(notifier)
    assert (told.state, told.attempts) == (NoticeState.SENT, 2)
    keys = {request.headers["webhook-id"] for request in desk_bell.services.seen}
    assert keys == {told.key}
    assert desk_bell.counted("webhook", "opened", "put_off") == 1


async def test_solved_comes_after_the_trouble_though_that_was_late(desk_bell: Reception) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    row = await desk_bell.open()
    desk_bell.services.fault = FULL
    await desk_bell.round(notifier)
    desk_bell.clock.pass_(seconds=5)
    await desk_bell.end(row)
    desk_bell.services.fault = None
    desk_bell.services.seen.clear()
    await desk_bell.rounds(notifier, 4, seconds=5)
    assert [b["type"] for b in desk_bell.bodies] == ["notice.opened", "notice.resolved"]


async def test_a_channel_that_fails_for_good_is_told_to_the_operator_by_another(
    desk_bell: Reception,
) -> None:
    operator = desk_bell.contact("omid", "slack", operator=True, shops=frozenset())
    same_channel = desk_bell.contact("nina", operator=True, shops=frozenset())
    notifier = desk_bell.notifier(desk_bell.contact(), operator, same_channel)
    await desk_bell.open()
    desk_bell.services.fault = Reply(410)
    await desk_bell.round(notifier)
    desk_bell.services.fault = None
    told = await desk_bell.rounds(notifier, 3, minutes=1)
    assert sorted((t.contact, t.kind, t.state) for t in told) == [
        ("omid", "operator", NoticeState.SENT),
        ("sara", "opened", NoticeState.FAILED),
    ]
    said = desk_bell.services.seen[-1].body.decode()
    assert "Alerts do not reach sara" in said
    assert "sara could not be told by webhook, after 1 try." in said
    assert "410" in said
    assert desk_bell.counted("webhook", "opened", "failed") == 1


async def test_a_channel_that_is_never_well_is_given_up_in_half_an_hour(
    desk_bell: Reception,
) -> None:
    notifier = desk_bell.notifier(desk_bell.contact())
    await desk_bell.open()
    desk_bell.services.fault = Reply(500)
    [told] = await desk_bell.rounds(notifier, 90, minutes=1)
    assert (told.state, told.attempts) == (NoticeState.FAILED, 8)
    assert told.settled_at
    assert timedelta(minutes=20) < told.settled_at - told.planned_at < timedelta(minutes=45)


async def test_a_seeds_fault_is_the_operators_and_no_shops(desk_bell: Reception) -> None:
    operator = desk_bell.contact("omid", operator=True, shops=frozenset())
    notifier = desk_bell.notifier(desk_bell.contact(), operator)
    facts = {"fault": "locked"}
    await desk_bell.open(shop=OPERATOR, seed="gmail-2", cause="seed", facts=facts)
    [told] = await desk_bell.round(notifier)
    assert told.contact == "omid"
    assert desk_bell.subjects == ["Receiptwatch: the test inbox gmail-2 gets no mail"]


async def test_who_is_in_the_settings_no_more_is_not_written_to_and_not_complained_of(
    desk_bell: Reception,
) -> None:
    operator = desk_bell.contact("omid", "slack", operator=True, shops=frozenset())
    await desk_bell.open()
    desk_bell.services.fault = FULL
    await desk_bell.round(desk_bell.notifier(desk_bell.contact(), operator))
    desk_bell.services.fault = None
    desk_bell.services.seen.clear()
    [told] = await desk_bell.rounds(desk_bell.notifier(operator), 3, minutes=1)
    assert told.state is NoticeState.FAILED
    assert desk_bell.services.seen == []


async def test_a_channel_that_never_answers_holds_up_nobody_else(desk_bell: Reception) -> None:
    async with HttpServer(lambda _: Reply(endless=True, pause_s=0.05)) as silent:
        stuck = desk_bell.contact("stuck")
        stuck = replace(stuck, settings=stuck.settings.model_copy(update={"url": silent.url}))
        notifier = desk_bell.notifier(stuck, desk_bell.contact())
        await desk_bell.open()
        async with asyncio.timeout(5):
            await notifier.run_once()
            while len(desk_bell.bodies) < 1 or not silent.requests:
                await asyncio.sleep(0.01)
            await desk_bell.open(provider="yahoo")
            while len(desk_bell.bodies) < 2:
                await notifier.run_once()
                await asyncio.sleep(0.01)


async def test_nobody_to_tell_is_nothing_to_do(desk_bell: Reception) -> None:
    await desk_bell.open()
    assert await desk_bell.round(desk_bell.notifier(policy=POLICY)) == []


async def test_on_a_fast_clock_the_lease_still_outlasts_the_network(desk_bell: Reception) -> None:
    fast = replace(desk_bell.around, clock=ScaledClock(60))
    async with HttpServer(lambda _: Reply(endless=True, pause_s=0.05)) as silent:
        stuck = desk_bell.contact()
        stuck = replace(stuck, settings=stuck.settings.model_copy(update={"url": silent.url}))
        notifier = desk_bell.notifier(stuck, around=fast)
        await desk_bell.open(opened_at=fast.clock.now())
        async with asyncio.timeout(5):
            while not silent.requests:
                await notifier.run_once()
                await asyncio.sleep(0.01)
        [told] = await desk_bell.notices()
        assert told.lease_until
        lasts = told.lease_until - told.planned_at
        assert lasts.total_seconds() * fast.clock.real_s(1) >= 60
