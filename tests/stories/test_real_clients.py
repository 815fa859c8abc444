"""What shops send mail with, against the real service: taken in, sent on, arrived, explained."""

from __future__ import annotations

import asyncio
import signal
import smtplib
from base64 import b64encode
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from daemon.cli import app
from tests.conftest import unavailable
from tests.stories.clients import Ended, msmtp, swaks, talk
from tests.stories.front_door import (
    COPY_TO,
    HERE,
    PASSWORD,
    SENDER,
    STRANGER,
    USERNAME,
    House,
    open_house,
)
from tests.stories.postfix_client import Accidents, Mta, line, postfix, unfit
from tests.stories.programs import until
from tests.stories.receipts import MINA, OMAR, RUTH, Receipt, arrived, each_once, receipt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG = "not the one that was agreed"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("house")) as running:
        yield running


LOGINS = [(tls, how) for tls in ("starttls", "implicit") for how in ("PLAIN", "LOGIN")]


@pytest.mark.parametrize(("tls", "how"), LOGINS)
async def test_swaks_logs_in_under_tls_and_the_receipt_arrives(
    house: House, tls: str, how: str
) -> None:
    one = receipt()
    said = await swaks(house, one.text, MINA, "--auth", how, tls=tls, password=PASSWORD)
    assert said.code == 0, said.out
    assert "250 2.0.0 Ok: queued as" in said.out
    text = await arrived(house, one)
    assert b"with ESMTPSA" in text
    [message] = await house.taken(one.message_id)
    assert (message.login, message.client) == (USERNAME, STRANGER)


async def test_a_client_that_does_not_know_our_authority_sends_nothing(house: House) -> None:
    one = receipt()
    said = await swaks(
        house, one.text, MINA, "--auth", "PLAIN", tls="implicit", password=PASSWORD, trusts=False
    )
    assert said.code == 29, said.out
    assert await house.taken(one.message_id) == []


@pytest.mark.parametrize("how", ["PLAIN", "LOGIN"])
async def test_a_wrong_password_is_535_and_is_never_logged(house: House, how: str) -> None:
    before = house.log.count("login refused")
    said = await swaks(house, receipt().text, MINA, "--auth", how, tls="starttls", password=WRONG)
    assert said.code == 28
    assert "535 5.7.8" in said.out
    await until(lambda: _more(house, before), within_s=5)
    for password in (WRONG, PASSWORD):
        for shown in (password.encode(), f"\0{USERNAME}\0{password}".encode()):
            assert b64encode(shown).decode() not in house.log
        assert password not in house.log


async def _more(house: House, before: int) -> bool:
    return house.log.count("login refused") > before


async def test_before_tls_no_login_is_offered_and_one_is_538(house: House) -> None:
    said = await swaks(house, receipt().text, MINA, "--auth", "PLAIN", tls="", password=PASSWORD)
    assert said.code == 28
    assert "did not advertise authentication" in said.out

    def log_in() -> list[int]:
        secret = b64encode(f"\0{USERNAME}\0{PASSWORD}".encode()).decode()
        with smtplib.SMTP(HERE, house.ports.starttls, source_address=(STRANGER, 0)) as client:
            client.ehlo()
            codes = [client.docmd("AUTH", f"PLAIN {secret}")[0], client.docmd("AUTH", "LOGIN")[0]]
            client.starttls(context=house.world.authority.client_context())
            return [*codes, client.login(USERNAME, PASSWORD)[0]]

    assert await asyncio.to_thread(log_in) == [538, 538, 235]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_msmtp_reads_sender_and_recipients_from_the_message(house: House, tls: str) -> None:
    one = receipt(f"{OMAR}, {MINA}", "Thank you.", f"Bcc: {RUTH}")
    said = await msmtp(house, one.text, tls=tls)
    assert said.code == 0, said.out
    copied = Receipt(*one[:2], one.text.replace(f"Bcc: {RUTH}\n".encode(), b""))
    for address in (MINA, OMAR, RUTH):
        await arrived(house, copied, address)
    cases = await house.ended(one.message_id, 3, "watched")
    assert {case.message.mail_from for case in cases} == {SENDER}


PAGE = "<html><table>" + "<tr><td>Dried limes, 100 g</td><td>4.25</td></tr>" * 1_500 + "</table>"
HTML = ("MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8")


async def test_a_page_on_one_line_of_a_php_shop_arrives_as_it_was_written(house: House) -> None:
    one = receipt(MINA, PAGE, *HTML)
    assert len(PAGE) > 70_000
    said = await msmtp(house, one.text, tls="starttls")
    assert said.code == 0, said.out
    await arrived(house, one)
    assert (await house.order(one.number)).customer == MINA


@pytest.mark.parametrize("length", [70_000, 1_000_000])
async def test_a_line_of_any_length_arrives_in_the_same_bytes(house: House, length: int) -> None:
    one = receipt(MINA, "<p>" + "é" * (length // 2 - 4) + "</p>", *HTML)
    assert max(map(len, one.wire.split(b"\r\n"))) in range(length - 8, length)
    commands = ["EHLO shop", f"MAIL FROM:<{SENDER}> BODY=8BITMIME", f"RCPT TO:<{MINA}>", "DATA"]
    replies = await talk(house.ports.plain, *commands, one.wire + b".", "QUIT")
    assert [reply[:3] for reply in replies] == ["220", "250", "250", "250", "354", "250", "221"]
    await arrived(house, one)


async def test_smtplib_hands_many_in_over_one_connection(house: House) -> None:
    sent = [receipt(MINA, "Merci, سپاس") for _ in range(10)]

    def hand_in() -> None:
        with smtplib.SMTP(HERE, house.ports.plain) as client:
            for one in sent:
                options = ["BODY=8BITMIME"]
                assert client.sendmail(SENDER, [MINA], one.text, mail_options=options) == {}

    await asyncio.to_thread(hand_in)
    for one in sent:
        await arrived(house, one)


async def test_each_recipient_has_a_mail_of_his_own(house: House) -> None:
    one, people = receipt(), [MINA, OMAR, RUTH]

    def hand_in() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP(HERE, house.ports.plain) as client:
            return client.sendmail(SENDER, [*people, "no address"], one.text)

    refused = await asyncio.to_thread(hand_in)
    assert {address: code for address, (code, _) in refused.items()} == {"no address": 553}
    for address in people:
        text = await arrived(house, one, address)
        assert not any(f"for <{other}>".encode() in text for other in people)
    cases = await house.ended(one.message_id, 3, "watched")
    assert sorted(case.mail.recipient for case in cases) == sorted(people)
    assert len({case.message.id for case in cases}) == 1


async def test_other_scripts_pass_where_they_can_and_are_refused_where_not(house: House) -> None:
    one = receipt(f"مینا <{MINA}>", "Thank you.")

    def hand_in() -> list[int]:
        codes = []
        options = ["SMTPUTF8", "BODY=8BITMIME"]
        with smtplib.SMTP(HERE, house.ports.plain) as client:
            client.ehlo()
            assert client.has_extn("SMTPUTF8")
            client.command_encoding = "utf-8"
            codes.append(client.mail(SENDER)[0])
            codes.append(client.rcpt("mïna@gmail.test")[0])  # SMTPUTF8 was not asked for
            client.rset()
            codes.append(client.mail(SENDER, options)[0])
            codes.append(client.rcpt("mïna@gmail.test")[0])
            codes.append(client.rcpt("lena@bücher.test")[0])
            client.rset()
            client.sendmail(SENDER, [MINA], one.text, mail_options=options)
        return codes

    assert await asyncio.to_thread(hand_in) == [250, 501, 250, 553, 250]
    text = await arrived(house, one)
    assert "مینا".encode() in text
    [message] = await house.taken(one.message_id)
    assert message.smtputf8


LANGUAGES = {
    "fa": ("سفارش شما ثبت شد", "شماره سفارش: ۸۱۰۰۱", "81001"),
    "ar": ("شكراً لطلبك", "رقم الطلب: ٨١٠٠٢", "81002"),
    "he": ("תודה על ההזמנה", "מספר הזמנה: \u206681003\u2069", "81003"),
}


def letter(language: str) -> Receipt:
    """As a program that knows its trade writes it: encoded words, and the text in base64."""
    subject, body, number = LANGUAGES[language]
    made, message_id = EmailMessage(), f"{number}@saffron.test"
    made["From"], made["To"] = f"{subject} <{SENDER}>", f"{subject} <{MINA}>"
    made["Subject"], made["Message-ID"] = subject, f"<{message_id}>"
    made["Date"] = "Sun, 22 Nov 2026 10:00:00 +0000"
    made.set_content(f"{body}\n", charset="utf-8", cte="base64")
    assert made.as_bytes().isascii()
    return Receipt(number, message_id, made.as_bytes())


async def test_a_receipt_in_any_language_goes_round_and_is_told_of(house: House) -> None:
    sent = {language: letter(language) for language in LANGUAGES}
    for one in sent.values():
        said = await msmtp(house, one.text, tls="starttls")
        assert said.code == 0, said.out
    for one in sent.values():
        await arrived(house, one)
        await house.ended(one.message_id, 1, "watched")
        assert (await house.order(one.number)).customer == MINA
    for language, one in sent.items():
        subject, told = LANGUAGES[language][0], await order_show(house, one.number)
        assert f"Order {one.number} of demo, for {subject}, {MINA}" in told
        assert f"To {MINA} {subject}" in told
        assert "Accepted by out.mailer.test (route primary), the next server on the way" in told


async def order_show(house: House, number: str) -> str:
    """What a person is told of the order, its lines joined."""
    verb = ["order", "show", number, "--config", str(house.settings)]
    told = await asyncio.to_thread(CliRunner().invoke, app, verb, env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.stderr
    return " ".join(told.stdout.split())


async def test_a_blind_copy_is_shown_and_never_sent(house: House) -> None:
    one = receipt(f"Ruth Levi <{RUTH}>", "Order number: 82001", number="82001")
    text = one.text.replace(SENDER.encode(), b"orders@hats.test")
    one = Receipt(one.number, one.message_id, text)
    said = await swaks(house, one.text, COPY_TO, "--from", "orders@hats.test", tls="")
    assert said.code == 0, said.out
    order = await house.order("82001")
    assert (order.shop, order.customer) == ("hats", RUTH)
    [case] = await house.ended(one.message_id, 1, "watched")
    assert (case.mail.recipient, case.past) == (RUTH, ())
    told = await order_show(house, "82001")
    assert "A copy came in; the shop sends the receipt itself." in told
    assert one.message_id not in await house.mailbox(RUTH)


OPEN_RELAYS = [
    "victim@target.example",
    "victim%target.example@intake.saffron.test",
    "victim%target.example",
    "@intake.saffron.test:victim@target.example",
    "target.example!victim@intake.saffron.test",
    '"victim@target.example"@intake.saffron.test',
    "victim@[198.51.100.1]",
    f"{COPY_TO}@target.example",
]


async def test_a_stranger_relays_nothing(house: House) -> None:
    said = await swaks(house, receipt().text, ",".join(OPEN_RELAYS), tls="")
    refusals = [line for line in said.out.splitlines() if line.startswith("<** ")]
    assert said.code == 24, said.out
    assert refusals == ["<** 550 5.7.1 Relaying denied"] * len(OPEN_RELAYS)
    under_tls = await swaks(house, receipt().text, ",".join(OPEN_RELAYS), tls="starttls")
    assert under_tls.out.count("<~* 530 5.7.0 Authentication required") == len(OPEN_RELAYS)
    assert await house.cases("target.example") == []


async def test_who_is_known_sends_in_no_other_name(house: House) -> None:
    sender = ("--from", "orders@bank.example")
    said = await swaks(house, receipt().text, MINA, *sender, tls="", at=HERE)
    assert "550 5.7.1 The sender's domain is not one of yours" in said.out
    told: Ended = await swaks(
        house, receipt().text, MINA, *sender, "--auth", "PLAIN", tls="implicit", password=PASSWORD
    )
    assert "550 5.7.1 The sender's domain is not one of yours" in told.out


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mta(house: House) -> AsyncIterator[Mta]:
    if reason := unfit():
        unavailable(reason)
    async with line(house.ports.plain) as between:
        with postfix(between.port) as running:
            yield Mta(running, between)


async def test_postfix_hands_everything_over_and_all_arrives_once(house: House, mta: Mta) -> None:
    sent = [receipt() for _ in range(12)]
    for one in sent[:6]:
        await asyncio.to_thread(mta.postfix.sendmail, MINA, one.text)
    for one in sent[6:]:
        await asyncio.to_thread(mta.postfix.by_smtp, MINA, one.text)
    await mta.drained()
    await each_once(house, sent)


async def test_postfix_comes_again_and_nothing_is_doubled_or_lost(house: House, mta: Mta) -> None:
    first, second = [receipt() for _ in range(6)], [receipt() for _ in range(6)]
    mta.line.passes = (accidents := Accidents(house, cuts=3)).pass_by
    for one in first:
        await asyncio.to_thread(mta.postfix.sendmail, MINA, one.text)
    await mta.drained()
    assert not accidents.cuts
    assert house.log.count('"mail duplicate"') == 3
    await each_once(house, first)  # the service has nothing in hand now
    accidents.kills = True
    for one in second:
        await asyncio.to_thread(mta.postfix.sendmail, MINA, one.text)
    assert await house.service.wait() == -signal.SIGKILL
    await house.start()
    mta.postfix.flush()
    await mta.drained()
    assert mta.postfix.log.count("status=deferred") >= 4
    assert "status=bounced" not in mta.postfix.log
    await each_once(house, [*first, *second])
