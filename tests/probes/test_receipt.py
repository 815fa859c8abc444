from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import compat32, default
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from probes.receipt import LANGUAGES, Receipt, compose
from probes.token import HEADER, candidates, mint, new_id, verify

if TYPE_CHECKING:
    from email.message import EmailMessage

KEY = b"k" * 32
SEED = "seed.one@mail.test"
NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
RIGHT_TO_LEFT = ("ar", "fa", "he")
CURRENCIES = {"ar": "EGP", "en": "USD", "fa": "IRR", "he": "ILS"}

every_language = pytest.mark.parametrize("language", LANGUAGES)


def receipt(
    language: str = "en", sender: str = "Example Shop <orders@shop.test>", probe: str | None = None
) -> tuple[str, Receipt]:
    token = mint(KEY, probe or new_id(), SEED)
    composed = compose(
        token=token,
        sender=sender,
        recipient=SEED,
        now=NOW,
        language=language,
        currency=CURRENCIES[language],
    )
    return token, composed


def parsed(composed: Receipt) -> EmailMessage:
    return message_from_bytes(composed.message, policy=default)


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@every_language
@pytest.mark.parametrize("round_", range(10))
def test_independent_parsers_find_no_defect(language: str, round_: int) -> None:
    raw = receipt(language, probe=f"{round_:012}")[1].message
    for policy in (default, compat32):
        message = message_from_bytes(raw, policy=policy)
        for part in message.walk():
            assert part.defects == []
            for value in part.values():
                assert not getattr(value, "defects", ())
        assert message.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in message.walk()][1:] == [
            "text/plain",
            "text/html",
        ]


@every_language
@pytest.mark.parametrize("number", range(20))
def test_the_message_is_ascii_with_short_crlf_lines(language: str, number: int) -> None:
    raw = receipt(language, probe=f"{number:012}")[1].message
    lines = raw.split(b"\r\n")
    assert raw.isascii()
    assert lines[-1] == b""
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    assert max(map(len, lines)) <= 78


@every_language
def test_the_token_is_in_every_place_where_a_mailbox_is_searched(language: str) -> None:
    token, composed = receipt(language)
    message = parsed(composed)
    places = [
        message["Message-ID"],
        message[HEADER],
        message["Subject"],
        body(message, "plain"),
        body(message, "html"),
    ]
    for place in places:
        assert list(candidates(str(place))) == [token]
    assert verify(KEY, composed.order_number, SEED) == token[:12]
    assert composed.message_id == message["Message-ID"] == f"<{token.lower()}@shop.test>"


def test_every_recipient_gets_a_message_id_of_its_own() -> None:
    probe = new_id()
    ids = {
        compose(
            token=mint(KEY, probe, address),
            sender="orders@shop.test",
            recipient=address,
            now=NOW,
        ).message_id
        for address in (f"seed{n}@mail.test" for n in range(50))
    }
    assert len(ids) == 50


def test_the_headers_are_those_of_a_receipt_and_no_others() -> None:
    message = parsed(receipt()[1])
    assert message.keys() == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        HEADER,
        "MIME-Version",
        "Content-Type",
    ]
    assert message["From"] == "Example Shop <orders@shop.test>"
    assert message["To"] == SEED
    assert message["Date"].datetime == NOW


def test_the_same_token_gives_the_same_bytes_and_another_one_another_receipt() -> None:
    first, again, other = (receipt(probe=probe)[1] for probe in ("0" * 12, "0" * 12, "1" * 12))
    assert first.message == again.message
    assert body(parsed(first), "plain") != body(parsed(other), "plain")


def test_the_variation_may_be_given() -> None:
    token = mint(KEY, "0" * 12, SEED)

    def composed(seed: int) -> bytes:
        return compose(
            token=token,
            sender="orders@shop.test",
            recipient=SEED,
            now=NOW,
            variation=random.Random(seed),
        ).message

    assert composed(1) == composed(1) != composed(2)


@every_language
def test_receipts_differ_in_more_than_their_number(language: str) -> None:
    bodies = set()
    for number in range(40):
        composed = receipt(language, probe=f"{number:012}")[1]
        text = body(parsed(composed), "plain")
        bodies.add(text.replace(composed.order_number, ""))
    assert len(bodies) == 40


@every_language
def test_receipts_say_the_same_in_several_ways(language: str) -> None:
    subjects, first_lines, last_lines = set(), set(), set()
    for number in range(40):
        composed = receipt(language, probe=f"{number:012}")[1]
        lines = body(parsed(composed), "plain").splitlines()
        subjects.add(composed.subject.replace(composed.order_number, ""))
        first_lines.add(lines[2])
        last_lines.add(lines[-3])
    assert len(subjects) == 4
    assert len(first_lines) == len(last_lines) == 3


def euros(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


@pytest.mark.parametrize("number", range(30))
def test_the_total_is_what_the_lines_and_the_shipping_add_up_to(number: int) -> None:
    text = body(parsed(receipt(probe=f"{number:012}")[1]), "plain")
    amounts = dict(re.findall(r"^(.+): (\$[\d,.]+|Free)$", text, re.MULTILINE))
    total, subtotal = euros(amounts.pop("Total")), euros(amounts.pop("Subtotal"))
    shipping = amounts.pop("Shipping")
    assert amounts
    assert sum(map(euros, amounts.values())) == pytest.approx(subtotal)
    assert subtotal + (0 if shipping == "Free" else euros(shipping)) == pytest.approx(total)


class Cells(HTMLParser):
    """The attributes of every html, td and th element, and what stands in bdi."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.isolated: list[str] = []
        self._in_bdi = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"html", "td", "th"}:
            self.found.append((tag, dict(attrs)))
        self._in_bdi = tag == "bdi"

    def handle_endtag(self, tag: str) -> None:
        self._in_bdi = self._in_bdi and tag != "bdi"

    def handle_data(self, data: str) -> None:
        if self._in_bdi:
            self.isolated.append(data)


@every_language
def test_every_cell_says_its_language_and_direction(language: str) -> None:
    cells = Cells(body(parsed(receipt(language)[1]), "html")).found
    assert cells[0][0] == "html"
    assert len(cells) > 12
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    for tag, attributes in cells:
        assert (attributes.get("lang"), attributes.get("dir")) == (language, direction), tag


@every_language
def test_numbers_amounts_and_addresses_are_isolated_in_html(language: str) -> None:
    composed = receipt(language)[1]
    isolated = Cells(body(parsed(composed), "html")).isolated
    assert composed.order_number in isolated
    assert "orders@shop.test" in isolated
    assert len(isolated) >= 6


@pytest.mark.parametrize("language", RIGHT_TO_LEFT)
def test_numbers_and_addresses_are_isolated_in_right_to_left_text(language: str) -> None:
    composed = receipt(language)[1]
    message = parsed(composed)
    text = body(message, "plain")
    for isolated in (composed.order_number, "orders@shop.test"):
        assert f"\u2068{isolated}\u2069" in text
    assert f"\u2068{composed.order_number}\u2069" in message["Subject"]
    assert text.count("\u2068") == text.count("\u2069")


def test_left_to_right_text_holds_no_invisible_marks() -> None:
    composed = receipt("en")[1]
    assert body(parsed(composed), "plain").isascii()
    assert composed.subject.isascii()


def test_amounts_and_dates_are_written_in_the_digits_of_the_language() -> None:
    text = body(parsed(receipt("fa")[1]), "plain")
    assert "۲۱ نوامبر ۲۰۲۶" in text
    assert re.search(r"ریال\s[۰-۹٬]+", text)


@pytest.mark.parametrize(
    "name",
    [
        "Shop",
        "Shop, Inc.",
        "O'Neil & Sons (Tea)",
        "=?utf-8?q?evil?=",
        "فروشگاه نمونه‌ای",
        "حانوت הדוגמה " * 8,
        "A very long shop name " * 6,
        "Bücher; Tee <3".replace("<", ""),
    ],
)
def test_any_shop_name_survives_the_from_line(name: str) -> None:
    composed = receipt(sender=f"{name} <orders@bücher.example>")[1]
    written = message_from_bytes(composed.message, policy=compat32)["From"]
    [(phrase, address)] = getaddresses([written])  # the default policy parts adjacent encoded words
    assert str(make_header(decode_header(phrase))) == name.strip()
    assert address == "orders@xn--bcher-kva.example"
    assert max(map(len, composed.message.split(b"\r\n"))) <= 78


def test_the_longest_name_and_domain_still_make_every_subject() -> None:
    domain = ".".join(["d" * 60] * 4)
    for sender in (f"o@{domain}", f"{'N' * 200} <o@{domain}>"):
        for number in range(10):
            composed = receipt(sender=sender, probe=f"{number:012}")[1]
            assert composed.order_number in composed.subject
            assert max(map(len, composed.message.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "hostile",
    [
        "Shop\r\nBcc: evil@x.test <orders@shop.test>",
        "Shop\0 <orders@shop.test>",
        "Shop\u2028 <orders@shop.test>",
        "Shop <orders@shop.test, evil@x.test>",
    ],
)
def test_a_hostile_sender_composes_nothing(hostile: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        receipt(sender=hostile)


def test_a_hostile_recipient_language_or_currency_composes_nothing() -> None:
    token = mint(KEY, new_id(), SEED)
    good: dict[str, Any] = {"token": token, "sender": "orders@shop.test", "recipient": SEED}
    bad: list[dict[str, Any]] = [
        {"recipient": "a@good.test, evil@x.test"},
        {"language": "klingon"},
        {"language": "../en"},
        {"currency": "€"},
    ]
    for wrong in bad:
        with pytest.raises(ValueError, match=r"\w"):
            compose(now=NOW, **{**good, **wrong})


def test_a_language_without_words_gets_english_ones_and_its_own_notation() -> None:
    token = mint(KEY, new_id(), SEED)
    message = compose(
        token=token, sender="orders@shop.test", recipient=SEED, now=NOW, language="de"
    )
    text = body(parsed(message), "plain")
    assert "21. November 2026" in text
    assert "Order number" in text
    assert message.language == "de"
