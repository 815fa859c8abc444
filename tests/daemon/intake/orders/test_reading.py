"""What is told of a message beside its order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from daemon.intake.orders.language import language_of
from daemon.intake.orders.markup import read_markup
from daemon.intake.orders.plain_text import plain
from daemon.intake.orders.reading import read_order
from daemon.intake.orders.terms import OrderTerms
from daemon.intake.orders.verdict import Reading
from tests.daemon.intake.orders.receipts import ARABIC, HEBREW, PERSIAN, RECEIPTS, WOO_TEXT
from tests.daemon.intake.orders.wrapping import html, linked, message, text

ANY = OrderTerms()


def test_subject_sender_and_date_are_read() -> None:
    reading = read_order(text("Hi", "=?utf-8?q?Thank=20you?=,\r\n Jane"), ANY)
    assert reading.subject == "Thank you, Jane"
    assert reading.sender == "orders@shop.test"
    assert reading.sent_at == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Fri, 99 Nov 2026 10:00:00 +0100", "Fri, 20 Nov 2026 10:00 +999999"]
)
def test_a_date_that_is_none_is_left_out(date: str) -> None:
    raw = message("Hi").replace(b"Fri, 20 Nov 2026 10:00:00 +0100", date.encode())
    assert read_order(raw, ANY).sent_at is None


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("a@x.test", ["a@x.test"]),
        ("Jane <a@x.test>, b@x.test", ["a@x.test", "b@x.test"]),
        ('"Doe, Jane" <a@x.test>', ["a@x.test"]),
        ('"Doe \\" <evil@x.test>, Jane" <a@x.test>', ["a@x.test"]),
        ("a@x.test (was: old@x.test, b@x.test)", ["a@x.test"]),
        ("friends: a@x.test, B <b@x.test>;, c@x.test", ["a@x.test", "b@x.test", "c@x.test"]),
        ("undisclosed-recipients:;", []),
        ("a@BÜCHER.test", ["a@xn--bcher-kva.test"]),
        ("a@x.test; b@x.test", ["a@x.test", "b@x.test"]),
        ("nobody, a@x.test", ["a@x.test"]),
        ("=?utf-8?q?Doe=2C_Jane?= <a@x.test>", ["a@x.test"]),
        ("orders@shop.test, sales@eu.shop.test, me@own.test, a@x.test", ["a@x.test"]),
        ("a@x.test,\r\n b@x.test", ["a@x.test", "b@x.test"]),
    ],
)
def test_recipients_are_the_strangers_in_to(to: str, recipients: list[str]) -> None:
    reading = read_order(text("Hi", to=to), OrderTerms(own=("Shop.test", "me@OWN.test")))
    assert list(reading.recipients) == recipients
    assert reading.problem is None


def test_the_customers_name_is_that_of_his_address_in_to() -> None:
    raw = text("Order number 123", to='"Doe, =?utf-8?q?Jos=C3=A9?=" <jane@customer.test>')
    order = read_order(raw, ANY).order
    assert order
    assert (order.customer, order.customer_name) == ("jane@customer.test", "Doe, José")


def test_somebody_of_the_senders_own_domain_is_no_customer() -> None:
    order = read_order(text("New order #4711", to="boss@shop.test"), ANY).order
    assert order
    assert (order.number, order.customer) == ("4711", None)


def test_the_amount_of_an_order_is_read_from_json_ld() -> None:
    found = {name: read_order(RECEIPTS[name].raw, ANY).order for name in RECEIPTS}
    order, invoice = found["JSON-LD Order"], found["JSON-LD Invoice in an array"]
    assert order
    assert invoice
    assert (order.total, order.currency, order.customer_name) == ("25.00", "EUR", "Jane Doe")
    assert (invoice.total, invoice.currency) == (None, None)


@pytest.mark.parametrize("price", ['"1.234,00"', '"-5"', "1e9", '{"a": 1}', '"5\\n"'])
def test_an_amount_that_is_no_plain_number_is_left_out(price: str) -> None:
    data = f'{{"@type":"Order","orderNumber":"1","price":{price},"priceCurrency":"EUR"}}'
    order = read_order(html(linked(data)), ANY).order
    assert order
    assert order.total is None


@pytest.mark.parametrize(
    ("words", "language"),
    [
        (WOO_TEXT, "en"),
        (read_markup(PERSIAN).text, "fa"),
        (ARABIC, "ar"),
        (read_markup(HEBREW).text, "he"),
        ("Bedankt voor uw bestelling nr. 12", None),
        ("", None),
        ("شكراً لطلبك. Order number A-123 at My Shop", "ar"),
    ],
)
def test_the_language_is_guessed_by_script(words: str, language: str | None) -> None:
    assert language_of(words) == language


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_reading_survives_its_way_out_of_the_worker(name: str) -> None:
    receipt = RECEIPTS[name]
    reading = read_order(receipt.raw, receipt.terms)
    assert Reading.from_json(json.loads(json.dumps(reading.as_json()))) == reading
    assert OrderTerms.from_json(json.loads(json.dumps(receipt.terms.as_json()))) == receipt.terms


def test_terms_name_the_pattern_that_may_not_be_used() -> None:
    with pytest.raises(ValueError, match=r"The pattern '\(a\+\)\+' repeats a repetition"):
        OrderTerms(number=("(a+)+",))


PAGES = {
    "a<b>c</b>d": "acd",
    "a<br>b<p>c</p>d": "a\nb\nc\nd",
    "<td>a</td><td>b</td>": "a b",
    "a < b &lt; c &amp;amp; &#x41;": "a < b < c &amp; A",
    "a<!-- b --><!-->c<!-- d": "ac",
    "a<!--[if mso]>b<![endif]-->c<!--[if !mso]><!-->d<!--<![endif]-->e": "acde",
    '<a title="x > y">a</a>': "a",
    "<a title=it's>a</a>": "a",
    "<a title='\">'>a</a>": "a",
    "a<script>if (a < b) '</p>'</script >b<STYLE>c</style>d": "abd",
    "<scripture>a</scripture>": "a",
    "a<?php b ?>c</>d": "acd",
    "a<b": "a",
    "x<3": "x<3",
    "&#99999999999;a&#xfffffffff;": "\ufffda\ufffd",
    "order&nbsp;no.&zwnj;\u200e&#x6f1;&#x661;": "order no.11",
}


@pytest.mark.parametrize("source", PAGES)
def test_of_a_page_the_text_is_what_people_see(source: str) -> None:
    assert plain(read_markup(source).text) == PAGES[source]


def test_long_words_and_lines_are_cut() -> None:
    assert plain("x" * 1000 + " y") == "x" * 256 + " y"
    lines = plain("ab " * 2000).split("\n")
    assert [len(line) for line in lines] == [2000, 2000, 1999]
    assert len(plain("ab " * 100_000)) == 64 * 1024
