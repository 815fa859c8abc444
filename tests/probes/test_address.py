from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.address import AddressError, Mailbox, check_address, is_one_line, parse_mailbox


@pytest.mark.parametrize(
    ("given_address", "wire"),
    [
        ("orders@shop.test", "orders@shop.test"),
        ("Sara.B+probe=1@Mail.Shop.TEST", "Sara.B+probe=1@mail.shop.test"),
        ("o'neil_{x}@a-b.test", "o'neil_{x}@a-b.test"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@نامه.test", "a@xn--mgb4dbg.test"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    ],
)
def test_plain_addresses_pass_with_their_domain_in_a_labels(given_address: str, wire: str) -> None:
    assert check_address(given_address) == wire


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "nobody",
        "@shop.test",
        "a@",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@good.test, evil@x.test",
        "a@good.test,evil@x.test",
        '"x\r\nRCPT TO:<evil@x.test>"@y.test',
        '"quoted"@y.test',
        "a@b.test\r\nRCPT TO:<evil@x.test>",
        "a@b.test\n",
        " a@b.test",
        "a b@c.test",
        "a\0@b.test",
        "@relay.test:a@b.test",
        "<a@b.test>",
        "a@b.test SIZE=1",
        "a(comment)@b.test",
        ".a@b.test",
        "a.@b.test",
        "a..b@c.test",
        "a@-b.test",
        "a@b-.test",
        "a@b..test",
        "a@b.test.",
        "a@b_c.test",
        "سارا@b.test",
        "a@\u202eb.test",
        "a@b\u3002test\r",
        "a" * 65 + "@b.test",
        "a@" + "b" * 64 + ".test",
        "a@" + "b.c." * 64 + "test",
    ],
)
def test_every_other_form_is_refused_with_a_printable_sentence(hostile: str) -> None:
    with pytest.raises(AddressError) as refusal:
        check_address(hostile)
    sentence = str(refusal.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert len(sentence) < 700


@given(st.text(max_size=40))
def test_what_passes_is_one_word_of_ascii_with_one_at(text: str) -> None:
    try:
        wire = check_address(f"{text}@shop.test")
    except AddressError:
        return
    assert wire.isascii()
    assert wire.count("@") == 1
    assert not set(wire) & set(' \r\n\0,<>"\\:;()[]')


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("Example Shop <orders@shop.test>", Mailbox("Example Shop", "orders@shop.test")),
        ('"Shop, Inc." <orders@shop.test>', Mailbox("Shop, Inc.", "orders@shop.test")),
        ("orders@shop.test", Mailbox("", "orders@shop.test")),
        ("<orders@shop.test>", Mailbox("", "orders@shop.test")),
        (
            "فروشگاه نمونه‌ای <orders@bücher.example>",
            Mailbox("فروشگاه نمونه‌ای", "orders@xn--bcher-kva.example"),
        ),
    ],
)
def test_a_mailbox_is_a_name_and_an_address(text: str, mailbox: Mailbox) -> None:
    assert parse_mailbox(text) == mailbox


@pytest.mark.parametrize(
    "hostile",
    [
        "Shop <orders@shop.test> tail",
        "Shop <orders@shop.test",
        "Shop <a@b.test>, Other <c@d.test>",
        "Sh\r\nBcc: evil@x.test\r\nop <a@b.test>",
        "Sh\u2028op <a@b.test>",
        "Shop\r\n <a@b.test>",
        "a@b.test\n",
        "Sh\u202eop <a@b.test>",
        'Sh"op <a@b.test>',
        "Sh\\op <a@b.test>",
        "N" * 201 + " <a@b.test>",
        "Shop <<a@b.test>>",
    ],
)
def test_a_mailbox_of_any_other_form_is_refused(hostile: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(hostile)


def test_the_domain_of_a_mailbox_is_what_stands_behind_the_at() -> None:
    assert parse_mailbox("Shop <orders@Mail.Shop.test>").domain == "mail.shop.test"


@pytest.mark.parametrize("letter", "\r\n\0\t\x1b\x7f\x85\u2028\u2029")
def test_control_characters_make_no_line(letter: str) -> None:
    assert not is_one_line(f"a{letter}b")
    assert is_one_line("سلام \u2066A-1\u2069 نمونه‌ای")
