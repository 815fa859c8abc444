"""What fails on the way out goes where it is ruled to, and a dead route harms nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from daemon.ledger import suppressions
from daemon.ledger.failures import LedgerError
from daemon.ledger.states import AttemptCause
from daemon.ledger.suppressions import Suppression
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from daemon.outbound.signing import Signer
from daemon.rounds.carry_mail import Point
from daemon.rounds.ways_out import ReturnPath
from probes.return_path import opened
from tests.daemon.outbound.test_connection import scripted, undone
from tests.daemon.rounds.post_office import SHOP, PostOffice, made, post_office, way
from tests.probes.signer import RSA_2048

if TYPE_CHECKING:
    from daemon.rounds.surroundings import Surroundings

KEY = b"k" * 32
NOBODY = 9
"""A port of loopback where nobody is."""
GREYLISTED = "450 4.7.1 greylisted, come back later"
NO_SUCH_USER = "550 5.1.1 no such user"
BAD_SENDER = "550 5.7.26 your mail is not authenticated"


pytestmark = pytest.mark.parametrize("around", ["sqlite"], indirect=True)


async def test_a_large_message_is_sent_too(around: Surroundings) -> None:
    raw = b"From: a@tea.example\r\n\r\n" + b"x" * 3_000_000 + b"\r\n"
    async with scripted() as server, post_office(around, {"main": server}) as office:
        mail = await office.take_in(raw=raw)
        await office.until(mail, "accepted")
    assert [undone(wire) for wire in server.received] == [raw]


async def test_greylisting_is_waited_for_and_comes_by_the_same_route(
    around: Surroundings,
) -> None:
    async with (
        scripted({"RCPT": [GREYLISTED], "RSET": "250 ok", "DATA": ["503 no"]}) as server,
        scripted() as spare,
        post_office(around, {"main": server, "spare": spare}) as office,
    ):
        mail = await office.take_in()
        [past] = await office.until(mail, "deferred")
        assert past.attempt.why == "main asked to come back later."
        office.later(minutes=4)
        await asyncio.sleep(0.1)
        assert [p.attempt.state for p in await office.past(mail)] == ["deferred"]
        office.later(minutes=2)
        [past] = await office.until(mail, "accepted")
    assert [one.outcome for one in past.tries] == ["deferred", "accepted"]
    assert spare.commands == []


async def test_a_route_that_defers_again_loses_the_mail_to_another(around: Surroundings) -> None:
    async with (
        scripted({"RCPT": GREYLISTED, "RSET": "250 ok", "DATA": "503 no"}) as server,
        scripted() as spare,
        post_office(around, {"main": server, "spare": spare}) as office,
    ):
        mail = await office.take_in()
        await office.until(mail, "deferred")
        office.later(minutes=6)
        first, second = await office.until(mail, "accepted", attempts=2)
    assert (first.attempt.state, first.attempt.route) == ("cancelled", "main")
    assert first.attempt.why == "main asked to come back later, again: spare takes over."
    assert (second.attempt.cause, second.attempt.route) == (AttemptCause.FAILOVER, "spare")
    assert ("ended", SHOP, "main", "fail_over", "still_deferred") in office.tally.lines


async def test_an_address_that_takes_no_mail_bounces_and_no_other_route_is_asked(
    around: Surroundings,
) -> None:
    async with (
        scripted({"RCPT": NO_SUCH_USER}) as server,
        scripted() as spare,
        post_office(around, {"main": server, "spare": spare}) as office,
    ):
        mail = await office.take_in()
        await office.until(mail, "rejected")
        row = await office.mail(mail)
    assert row.state == MailState.BOUNCED
    assert row.why == "The address takes no mail: sent back. The address does not exist."
    assert spare.commands == []


async def test_what_every_route_refuses_is_held_for_a_person(around: Surroundings) -> None:
    async with (
        scripted({"MAIL": BAD_SENDER, "RCPT": "503 no", "DATA": "503 no"}) as server,
        scripted({".": BAD_SENDER}) as spare,
        post_office(around, {"main": server, "spare": spare}) as office,
    ):
        mail = await office.take_in()
        await office.until(mail, "rejected", attempts=2)
        row = await office.mail(mail)
    assert row.state == MailState.HELD
    assert row.why
    assert row.why.startswith("spare refused it, and no other route is left: held.")


async def test_a_dead_route_is_left_at_once_and_asked_again_by_one_mail_at_a_time(
    around: Surroundings,
) -> None:
    async with (
        scripted() as spare,
        post_office(around, {"main": NOBODY, "spare": spare}) as office,
    ):
        mails = [await office.take_in(n) for n in range(12)]
        for mail in mails:
            first, second = await office.until(mail, "accepted", attempts=2)
            assert (first.attempt.route, first.attempt.state) == ("main", "cancelled")
            assert second.attempt.cause is AttemptCause.FAILOVER
            assert first.attempt.why == "main could not be used: spare takes over."
        tried = office.tally.lines.count(("tried", SHOP, "main", "unreached"))
        assert 1 <= tried < 12  # time stands still: whoever came later was told
        office.later(seconds=5)
        again = await office.take_in("again")
        await office.until(again, "accepted", attempts=2)
        assert office.tally.lines.count(("tried", SHOP, "main", "unreached")) == tried + 1
    assert len(spare.received) == 13


async def test_a_route_that_is_back_gets_all_that_waited(around: Surroundings) -> None:
    async with (
        scripted({"BANNER": ["421 4.3.2 busy"] * 2}) as server,
        post_office(around, {"main": server}) as office,
    ):
        mails = [await office.take_in(n) for n in range(30)]
        async with asyncio.timeout(30):
            while len(server.received) < 30:
                office.later(seconds=30)
                await asyncio.sleep(0.02)
        for mail in mails:
            await office.until(mail, "accepted")
    assert office.tally.lines.count(("tried", SHOP, "main", "unreached")) == 2


async def test_a_dead_routes_backlog_holds_up_no_other(around: Surroundings) -> None:
    async with (
        scripted() as server,
        post_office(around, {"main": NOBODY, ("rug", "main"): server}) as office,
    ):
        dead = [await office.take_in(n) for n in range(60)]
        async with asyncio.timeout(10):
            while ("tried", SHOP, "main", "unreached") not in office.tally.lines:
                await asyncio.sleep(0.01)
        alive = await office.take_in("rug", shop="rug")
        await office.until(alive, "accepted")
        waiting = [p.attempt.state for mail in dead for p in await office.past(mail)]
    assert waiting.count(AttemptState.QUEUED) > 40


async def test_a_suppressed_address_gets_nothing(around: Surroundings) -> None:
    async with scripted() as server:
        office = PostOffice(around, made(around, {"main": server}))
        mail = await office.take_in()
        async with around.ledger.write() as conn:
            listed = Suppression(SHOP, "customer@GMAIL.example", "x", around.clock.now(), "ada")
            await suppressions.add(conn, listed)
        async with office.open():
            await office.until(mail, "cancelled")
        assert (await office.mail(mail)).state == MailState.SUPPRESSED
        await office.close()
    assert server.commands == []


async def test_a_life_that_is_over_is_held_without_another_try(around: Surroundings) -> None:
    async with (
        scripted({"RCPT": GREYLISTED, "RSET": "250 ok", "DATA": "503 no"}) as server,
        post_office(around, {"main": server}) as office,
    ):
        mail = await office.take_in()
        await office.until(mail, "deferred")
        office.later(days=5)
        [past] = await office.until(mail, "cancelled")
        assert (await office.mail(mail)).state == MailState.HELD
    assert len(past.tries) == 1


async def test_the_pauses_grow_by_the_timetable(around: Surroundings) -> None:
    minutes = []
    async with (
        scripted({"RCPT": "450 4.2.2 full", "RSET": "250 ok", "DATA": "503 no"}) as server,
        post_office(around, {"main": server}) as office,
    ):
        mail = await office.take_in()
        for tries in range(1, 8):
            past = await office.until(mail, "deferred")
            while len(past[0].tries) < tries or past[0].attempt.state != "deferred":
                past = await office.past(mail)
            wait = past[0].attempt.due_at - past[0].tries[-1].started_at
            minutes.append(wait.total_seconds() / 60)
            office.later(seconds=wait.total_seconds() + 1)
    for wanted, got in zip([5, 10, 20, 40, 80, 160, 240], minutes, strict=True):
        assert 0.9 * wanted <= got <= 1.1 * wanted


async def test_a_return_path_of_its_own_names_each_attempt(around: Surroundings) -> None:
    path = ReturnPath("bounces@tea.example", KEY)
    async with scripted({".": [BAD_SENDER]}) as server:
        ways = {name: way(around, server, return_path=path) for name in ("main", "spare")}
        async with post_office(around, ways) as office:
            mail = await office.take_in()
            past = await office.until(mail, "accepted", attempts=2)
            null = await office.take_in("null", mail_from="")
            await office.until(null, "accepted")
    senders = [c.split("<")[1].split(">")[0] for c in server.commands if c.startswith("MAIL")]
    assert [opened(sender, KEY) for sender in senders[:2]] == [p.attempt.id for p in past]
    assert senders[2] == ""


async def test_a_signature_stands_before_the_message_and_nothing_else_changes(
    around: Surroundings,
) -> None:
    signer = Signer("tea.example", "s1", RSA_2048)
    raw = b"From: a@tea.example\r\nSubject: x\r\n\r\nHello\r\n"
    async with scripted() as server:
        async with post_office(around, {"main": way(around, server, signer=signer)}) as office:
            for number, text in enumerate((raw, b"Subject: nobody\r\n\r\n")):
                await office.until(await office.take_in(number, raw=text), "accepted")
        assert ("unsigned", SHOP, "main") in office.tally.lines
    signed, unsigned = (undone(wire) for wire in server.received)
    assert signed.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
    assert signed.endswith(b"\r\n" + raw)
    assert unsigned == b"Subject: nobody\r\n\r\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"raw": b"Subject: x\r\n\r\na\nb\r\n"}, "bare CR or LF"),
        ({"recipients": ("a@x.example> SIZE=1",)}, "cannot stand in an SMTP command"),
    ],
)
async def test_what_would_change_on_the_wire_is_held(
    around: Surroundings, changes: dict[str, Any], words: str
) -> None:
    async with scripted() as server, post_office(around, {"main": server}) as office:
        mail = await office.take_in(**changes)
        await office.until(mail, "cancelled")
        row = await office.mail(mail)
    assert row.state == MailState.HELD
    assert words in (row.why or "")
    assert server.commands == []


async def test_mail_of_a_route_that_is_gone_is_taken_over(around: Surroundings) -> None:
    before = PostOffice(around, made(around, {"old": NOBODY}))
    mail = await before.take_in()
    await before.close()
    async with scripted() as server, post_office(around, {"new": server}) as office:
        past = await office.until(mail, "accepted", attempts=2)
    assert [p.attempt.route for p in past] == ["old", "new"]


async def test_a_ledger_that_fails_before_the_dot_puts_the_mail_off(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted() as server, post_office(around, {"main": server}) as office:
        real = office.moves.data_sent
        failures = [LedgerError("locked")]

        async def fails_once(claimed: Any) -> bool:
            if failures:
                raise failures.pop()
            return await real(claimed)

        monkeypatch.setattr(office.moves, "data_sent", fails_once)
        mail = await office.take_in()
        [past] = await office.until(mail, "deferred")
        assert "nothing was handed over" in (past.attempt.why or "")
        office.later(minutes=6)
        await office.until(mail, "accepted")
    assert len(server.received) == 1


async def test_a_ledger_that_fails_afterwards_is_told_until_it_listens(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.rounds.carry_mail.RECORD_AGAIN_S", 0.01)
    async with scripted() as server, post_office(around, {"main": server}) as office:
        real = office.moves.settle
        failures = [LedgerError("away")] * 3

        async def fails(claimed: Any, outcome: Any) -> bool:
            if failures:
                raise failures.pop()
            return await real(claimed, outcome)

        monkeypatch.setattr(office.moves, "settle", fails)
        mail = await office.take_in()
        await office.until(mail, "accepted")
    assert len(server.received) == 1


async def test_whoever_lost_the_lease_hands_nothing_over(around: Surroundings) -> None:
    async with scripted() as server:
        office = PostOffice(around, made(around, {"main": server}))

        def another_takes_it(point: Point) -> None:
            if point is Point.CLAIMED:
                around.clock.pass_(seconds=61)  # type: ignore[attr-defined] # the fixture's

        office.sender._reached = another_takes_it
        mail = await office.take_in()
        async with office.open():
            await asyncio.sleep(0.3)
            [past] = await office.past(mail)
        assert past.tries == ()
        await office.close()
    assert server.commands == []
