"""What came back is read, and does once what it is ruled to do, to nobody else's mail."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from daemon.ledger import addresses, attempts, messages
from daemon.ledger.states import Reading
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from daemon.rounds.bounce_links import Paths
from daemon.rounds.read_bounces import MOST_AN_HOUR
from probes.observation import Fault, Severity
from tests.daemon.rounds.returned_mail import (
    DMARC,
    FULL,
    KIM,
    HereAndNow,
    ReturnedMail,
    complaint,
    dsn,
    returned,
    text_bounce,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.ledger.attempts import Claimed
    from daemon.rounds.surroundings import Surroundings

SAMPLES = Path(__file__).resolve().parents[1] / "intake" / "bounces" / "samples"

# what these are about is no matter of the database
on_sqlite = pytest.mark.parametrize("around", ["sqlite"], indirect=True)
BOUNCED = MailState.BOUNCED, AttemptState.BOUNCED
AT_RISK = MailState.AT_RISK, AttemptState.BOUNCED
SENT = MailState.WATCHED, AttemptState.ACCEPTED


@pytest.fixture
async def post(around: Surroundings) -> AsyncIterator[ReturnedMail]:
    post = ReturnedMail(around, HereAndNow())
    yield post
    await post.close()


async def test_a_report_of_an_unknown_user_to_the_signed_path_stops_mail_to_that_address(
    post: ReturnedMail,
) -> None:
    claimed = await post.sent()
    row = await post.comes_back(dsn(), post.path(claimed))
    assert (row.reading, row.problem) == (Reading.READ, None)
    assert await post.states(claimed) == BOUNCED
    assert await post.suppressed() == {("tea", KIM)}
    [bounce] = await post.on_record()
    assert (bounce.message, bounce.mail, bounce.attempt) == (row.id, claimed.mail, claimed.attempt)
    assert (bounce.signed, bounce.hard, bounce.fault) == (True, True, Fault.SEED)
    assert (bounce.status, bounce.reason, bounce.recipient) == ("5.1.1", "user unknown", KIM)
    why = (await post.mail(claimed.mail)).why
    assert why
    assert "the address does not exist" in why
    assert await post.findings() == []
    assert post.counted("bounce", "seed") == 1
    assert await post.attempts() == 1


async def test_a_bounce_that_is_the_sender_s_fault_is_a_finding_about_its_route(
    post: ReturnedMail,
) -> None:
    claimed = await post.sent()
    async with post.around.ledger.write() as conn:
        await addresses.set_provider(conn, [claimed.mail], "gmail")
    report = dsn(DMARC, mta="gmail-smtp-in.l.google.com")
    await post.comes_back(report, post.path(claimed))
    assert await post.states(claimed) == AT_RISK
    assert await post.suppressed() == set()
    [row] = await post.findings()
    found = row.finding
    assert (row.shop, row.route, found.severity) == ("tea", "relay", Severity.PROBLEM)
    assert found.status == "5.7.26"
    assert "DMARC policy" in found.summary
    assert found.remedy == "Let SPF or DKIM pass with the same domain as in From."
    assert found.evidence["mail"] == claimed.mail
    assert found.evidence["attempt"] == claimed.attempt
    assert "Unauthenticated email" in found.evidence["said"]
    assert post.counted("bounce", "sender") == 1


async def test_each_bounce_thrice_and_in_any_order_leads_to_the_same_end(
    post: ReturnedMail,
) -> None:
    ends = []
    for steps in permutations(("sent", "delayed", "failed")):
        claimed = await post.in_hand(recipient=f"{'-'.join(steps)}@customer.example")
        for step in steps:
            await thrice(post, claimed, step)
        suppressed = ("tea", claimed.recipient) in await post.suppressed()
        ends.append((await post.states(claimed), suppressed))
    assert ends == [(BOUNCED, True)] * 6
    assert len(await post.on_record()) == 12
    assert post.counted("bounce", "seed") == 6
    assert post.counted("duplicate") == 24


async def thrice(post: ReturnedMail, claimed: Claimed, step: str) -> None:
    if step == "sent":
        await post.accepted(claimed)
        return
    words = "smtp; 451 4.4.1 connection timed out" if step == "delayed" else "smtp; 550 5.1.1 gone"
    raw = dsn(words, recipient=claimed.recipient, action=step)
    for number in range(3):  # each time by another way: other trace lines above the same report
        way = f"Received: from mx{number}.relay.example by intake.example\r\n".encode()
        row = await post.comes_back(way + raw, post.path(claimed))
        assert (row.reading, row.problem) == (Reading.READ, None)


@on_sqlite
async def test_a_fault_of_the_sender_and_one_of_the_address_end_alike_in_either_order(
    post: ReturnedMail,
) -> None:
    for words in permutations((DMARC, FULL)):
        claimed = await post.sent()
        for said in words:
            await post.comes_back(dsn(said), post.path(claimed))
        assert await post.states(claimed) == BOUNCED
    assert await post.suppressed() == set()


@on_sqlite
async def test_what_comes_back_of_a_mail_in_doubt_ends_the_doubt(post: ReturnedMail) -> None:
    ends = {}
    for name, raw in {
        "delay": dsn("smtp; 451 4.4.1 timed out", action="delayed"),
        "bounce": dsn(),
        "blocked": dsn(DMARC),
    }.items():
        claimed = await post.in_hand()
        await post.comes_back(raw, post.path(claimed))
        async with post.around.ledger.write() as conn:
            await attempts.reap(conn, claimed.expires_at)
        ends[name] = await post.states(claimed)
    assert ends == {"delay": SENT, "bounce": BOUNCED, "blocked": AT_RISK}


@on_sqlite
async def test_a_text_alone_suppresses_nobody(post: ReturnedMail) -> None:
    claimed = await post.sent()
    for _ in range(3):
        await post.comes_back(text_bounce(), post.path(claimed))
    assert await post.states(claimed) == BOUNCED
    assert await post.suppressed() == set()


@on_sqlite
async def test_whoever_complains_gets_no_more_and_his_mail_stays_as_it_is(
    post: ReturnedMail,
) -> None:
    claimed = await post.sent()
    await post.comes_back(complaint(returned(path=post.path(claimed), to="redacted")))
    assert await post.states(claimed) == SENT
    assert await post.suppressed() == {("tea", KIM)}
    assert post.counted("complaint", "seed") == 1


NO_BOUNCES = (
    *("vacation-german", "vacation-english", "autoreply-ticket", "challenge-click"),
    *("list-newsletter", "mdn-displayed", "ordinary-reply", "spam-null-path", "too-deep"),
)


async def test_what_is_no_bounce_does_nothing_but_say_why(post: ReturnedMail) -> None:
    claimed = await post.sent()
    for name in NO_BOUNCES:
        raw = (SAMPLES / f"{name}.eml").read_bytes()
        row = await post.comes_back(raw, post.path(claimed))
        hostile = name == "too-deep"
        assert row.reading is (Reading.UNPARSED if hostile else Reading.READ), name
        assert row.problem, name
        assert row.problem.startswith("No bounce: "), name
    assert await post.states(claimed) == SENT
    assert await post.on_record() == []
    assert await post.suppressed() == set()
    assert await post.attempts() == 1
    assert post.counted("vacation") == 2


@on_sqlite
async def test_a_flood_to_one_return_path_is_no_more_than_counted(post: ReturnedMail) -> None:
    claimed, other = await post.sent(), await post.sent()
    for _ in range(MOST_AN_HOUR + 5):
        await post.bring(text_bounce(), post.path(claimed))
    await post.bring(dsn(), post.path(other))
    await post.round.run_once()
    assert len(await post.on_record()) == MOST_AN_HOUR + 1
    assert post.counted("flood") == 5
    assert await post.states(other) == BOUNCED
    post.around.clock.pass_(hours=1.1)  # type: ignore[attr-defined] # the fixture's
    await post.comes_back(dsn(), post.path(claimed))
    assert await post.suppressed() == {("tea", KIM)}


async def test_without_a_signature_the_message_id_and_the_recipient_link_it(
    post: ReturnedMail,
) -> None:
    claimed = await post.sent(route="plain", message_id="7@tea.example")
    original = returned(message_id="7@tea.example")
    await post.comes_back(dsn(original=original))
    assert await post.states(claimed) == BOUNCED
    [bounce] = await post.on_record()
    assert (bounce.mail, bounce.attempt, bounce.signed) == (claimed.mail, "", False)
    assert await post.suppressed() == set()


async def test_it_links_no_other_customer_s_mail_nor_another_shop_s(post: ReturnedMail) -> None:
    own = await post.sent(route="plain", message_id="7@tea.example", recipient="ann@gmail.example")
    rugs = await post.sent(route="plain", message_id="8@tea.example", shop="rugs")
    signs = await post.sent(route="relay", message_id="9@tea.example")
    for number in (7, 8, 9):
        row = await post.comes_back(dsn(original=returned(message_id=f"{number}@tea.example")))
        assert row.reading is Reading.READ
        assert row.problem == "It names no mail that this shop sent to this recipient."
    row = await post.comes_back(dsn())
    assert row.problem
    for claimed in (own, rugs, signs):
        assert await post.states(claimed) == SENT
    rows = await post.on_record()
    assert [(r.shop, r.mail, r.moves_to) for r in rows] == [("tea", None, None)] * 4
    assert post.counted("unlinked", "seed") == 4


@on_sqlite
async def test_a_bounce_of_a_mail_that_the_shop_sent_itself_marks_it(post: ReturnedMail) -> None:
    mail = await post.copied(message_id="7@tea.example")
    await post.comes_back(dsn(FULL, original=returned(message_id="7@tea.example")))
    assert (await post.mail(mail)).state is MailState.BOUNCED
    blocked = await post.copied(message_id="8@tea.example")
    await post.comes_back(dsn(DMARC, original=returned(message_id="8@tea.example")))
    assert (await post.mail(blocked)).state is MailState.AT_RISK
    [row] = await post.findings()
    assert (row.route, row.finding.evidence["mail"]) == (None, blocked)


@on_sqlite
async def test_a_bounce_that_names_nobody_links_only_a_message_to_one(post: ReturnedMail) -> None:
    def silent(number: int) -> bytes:
        text = returned(message_id=f"{number}@tea.example", to="redacted")
        return dsn(recipient="redacted", original=text)

    one = await post.sent(route="plain", message_id="7@tea.example")
    two = [
        await post.sent(route="plain", message_id="8@tea.example", recipient=who)
        for who in ("a@gmail.example", "b@gmail.example")
    ]
    for number in (7, 8):
        await post.comes_back(silent(number))
    assert await post.states(one) == BOUNCED
    assert [await post.states(claimed) for claimed in two] == [SENT, SENT]


@on_sqlite
async def test_the_signed_path_is_found_in_what_is_returned(post: ReturnedMail) -> None:
    claimed = await post.sent()
    original = returned(path=post.path(claimed).upper())
    await post.comes_back(dsn(original=original))
    assert await post.states(claimed) == BOUNCED
    assert (await post.on_record())[0].signed


@on_sqlite
async def test_a_shop_that_the_settings_know_no_longer_has_no_return_paths(
    around: Surroundings,
) -> None:
    post = ReturnedMail(around, HereAndNow(), {"tea": Paths()})
    claimed = await post.sent()
    await post.comes_back(dsn(), post.path(claimed))
    assert await post.states(claimed) == SENT
    await post.close()


@on_sqlite
async def test_what_was_read_is_not_read_again(post: ReturnedMail) -> None:
    claimed = await post.sent()
    await post.bring(dsn(), post.path(claimed))
    assert await post.round.run_once() == 1
    assert await post.round.run_once() == 0
    async with post.around.ledger.read() as conn:
        assert await messages.unread_bounces(conn, limit=9) == []


@on_sqlite
async def test_all_that_a_bounce_does_is_done_in_one_transaction_or_not_at_all(
    post: ReturnedMail,
) -> None:
    claimed = await post.sent()
    await post.bring(dsn(DMARC), post.path(claimed))
    async with post.around.ledger.write() as conn:
        await conn.execute(text("ALTER TABLE findings RENAME TO mislaid"))
    with pytest.raises(OperationalError):
        await post.round.run_once()
    assert await post.states(claimed) == SENT
    assert await post.on_record() == []
    async with post.around.ledger.write() as conn:
        await conn.execute(text("ALTER TABLE mislaid RENAME TO findings"))
    assert await post.round.run_once() == 1
    assert await post.states(claimed) == AT_RISK
    assert post.counted("bounce", "sender") == 1
