"""Order mail is sent on once, and each step is on record before the next."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daemon.ledger import attempts
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.outbound.test_connection import scripted, undone
from tests.daemon.rounds.post_office import SHOP, post_office, way
from tests.probes.smtp_script import DROP, SILENCE

if TYPE_CHECKING:
    from daemon.rounds.surroundings import Surroundings

KEY = b"k" * 32
NOBODY = 9
"""A port of loopback where nobody is."""
GREYLISTED = "450 4.7.1 greylisted, come back later"
NO_SUCH_USER = "550 5.1.1 no such user"
BAD_SENDER = "550 5.7.26 your mail is not authenticated"


async def test_a_mail_is_sent_as_it_was_taken_in_and_watched(around: Surroundings) -> None:
    raw = b"From: a@tea.example\r\n\r\n" + b"<p>\xfc" * 20_000 + b"\r\n.\r\n"
    async with scripted() as server, post_office(around, {"main": server}) as office:
        mail = await office.take_in(raw=raw)
        [past] = await office.until(mail, "accepted")
        assert (await office.mail(mail)).state == MailState.WATCHED
    assert [undone(wire) for wire in server.received] == [raw]
    assert "MAIL FROM:<orders@tea.example>" in server.commands[1]
    assert "RCPT TO:<customer@gmail.example>" in server.commands
    [one] = past.tries
    assert (one.outcome, one.stage, one.code) == ("accepted", "data", 250)
    assert (one.host, one.queue_id, one.n) == ("relay.test", "4XyZ12abcD", 1)
    assert past.attempt.lease_until is None
    assert office.tally.lines == [
        ("tried", SHOP, "main", "accepted"),
        ("accepted", SHOP, "main"),
        ("ended", SHOP, "main", "accepted", "taken"),
    ]


async def test_each_recipient_gets_a_mail_of_his_own(around: Surroundings) -> None:
    async with scripted() as server, post_office(around, {"main": server}) as office:
        await office.take_in(recipients=("a@x.example", "b@x.example", "c@y.example"))
        await _received(server.received, 3)
    wanted = sorted(f"RCPT TO:<{one}>" for one in ("a@x.example", "b@x.example", "c@y.example"))
    assert sorted(c for c in server.commands if c.startswith("RCPT")) == wanted


async def test_everything_is_on_record_before_the_network_sees_the_next(
    around: Surroundings,
) -> None:
    async with (
        scripted({".": [SILENCE]}) as server,
        post_office(around, {"main": server}) as office,
    ):
        mail = await office.take_in()
        await _received(server.received, 1)
        [past] = await office.past(mail)
        assert (past.attempt.state, past.attempt.tries) == (AttemptState.DATA_SENT, 1)
        assert past.tries[0].ended_at is None
        assert past.attempt.due_at - past.tries[0].started_at >= timedelta(minutes=4.5)
        await server.hang_up("421 4.3.2 going down")
        await office.until(mail, "deferred")


async def test_a_refusal_of_the_sender_goes_by_the_next_route_at_once(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.rounds.send_mail.LOOK_S", 60.0)
    async with (
        scripted({".": BAD_SENDER}) as server,
        scripted() as spare,
        post_office(around, {"main": server, "spare": spare}) as office,
    ):
        mail = await office.take_in()
        first, second = await office.until(mail, "accepted", attempts=2)
        assert (await office.mail(mail)).state == MailState.WATCHED
    assert (first.attempt.state, first.tries[0].code) == ("rejected", 550)
    assert first.attempt.why == "main refused it: spare takes over."
    assert second.attempt.cause is AttemptCause.FAILOVER
    assert len(spare.received) == 1


@pytest.mark.parametrize("reply", [DROP, SILENCE])
async def test_silence_after_the_dot_is_doubt_and_nothing_is_sent_twice(
    around: Surroundings, reply: str
) -> None:
    async with scripted({".": [reply]}) as server, scripted() as spare:
        ways: dict[str, Any] = {"main": way(around, server, timeout_s=0.3), "spare": spare}
        async with post_office(around, ways) as office:
            mail = await office.take_in()
            [past] = await office.until(mail, "in_doubt")
            office.later(days=4)
            await asyncio.sleep(0.2)
            row = await office.mail(mail)
    assert row.state == MailState.IN_DOUBT
    assert "may have arrived" in (row.why or "")
    assert past.tries[0].outcome == "failed"
    assert len(server.received) == 1
    assert spare.received == []


async def test_a_sender_that_stops_lets_what_it_has_end_and_gives_back_the_rest(
    around: Surroundings,
) -> None:
    async with scripted() as server:
        narrow = way(around, server, connections=1)
        async with post_office(around, {"main": narrow}) as office:
            mails = [await office.take_in(n) for n in range(30)]
            await _received(server.received, 1)
    states = [p.attempt.state for mail in mails for p in await office.past(mail)]
    assert set(states) <= {"accepted", "queued"}
    assert states.count(AttemptState.ACCEPTED) == len(server.received)
    async with around.ledger.read() as conn:
        assert (await attempts.counts(conn)).in_hand == 0


async def test_a_hundred_mails_at_once_go_by_few_connections(around: Surroundings) -> None:
    async with scripted() as server, post_office(around, {"main": server}) as office:
        mails = await asyncio.gather(*(office.take_in(n) for n in range(100)))
        for mail in mails:
            await office.until(mail, "accepted")
    assert len(server.received) == 100
    assert len({c for c in server.commands if c.startswith("EHLO")}) == 1
    assert server.commands.count("EHLO out.tea.example") <= 4


async def _received(received: list[bytes], count: int) -> None:
    async with asyncio.timeout(10):
        while len(received) < count:
            await asyncio.sleep(0.01)
