"""Bytes to characters, as mail encodes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.encoded_text import decoded_words, from_charset, transfer_decoded

WORDS = {
    "plain": "plain",
    "=?utf-8?q?Caf=C3=A9_au_lait?=": "Café au lait",
    "=?UTF-8?B?Q2Fmw6k=?= now": "Café now",
    "=?iso-8859-1?Q?Caf=E9?=": "Café",
    "=?utf-8*fr?q?Caf=C3=A9?=": "Café",
    "=?utf-8?q?a?= =?utf-8?q?b?=": "ab",
    "=?utf-8?q?a?=\r\n\t=?utf-8?q?b?=": "ab",
    "=?utf-8?q?a?= b =?utf-8?q?c?=": "a b c",
    "=?utf-8?B?ww==?= =?utf-8?B?qQ==?=": "é",
    "=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=": "éé",
    "=?unknown?q?Caf=C3=A9?=": "Café",
    "=?utf-8?x?Caf?=": "=?utf-8?x?Caf?=",
    "=?utf-8?q?no end": "=?utf-8?q?no end",
    "Re: =?utf-8?q?=": "Re: =?utf-8?q?=",
}
CHARSETS = {
    ("utf-8", "é".encode()): "é",
    ("", "é".encode()): "é",
    ("", b"\xe9"): "é",
    ("us-ascii", "é".encode()): "é",
    ("ISO-8859-8-I", b"\xf9"): "ש",
    ("windows-1256", "سلام".encode("cp1256")): "سلام",
    ("koi8-r", "да".encode("koi8-r")): "да",
    ("utf-8", b"a\xffb"): "a\ufffdb",
    ("punycode", b"bcher-kva"): "bcher-kva",
    ("zlib", b"x"): "x",
    ("iso-8859-99", b"\xe9"): "é",
}


@pytest.mark.parametrize("value", WORDS)
def test_encoded_words_are_read_and_others_stay(value: str) -> None:
    assert decoded_words(value) == WORDS[value]


@pytest.mark.parametrize(("charset", "content"), CHARSETS)
def test_a_charset_is_one_of_mail_or_is_guessed(charset: str, content: bytes) -> None:
    assert from_charset(content, charset) == CHARSETS[charset, content]


@pytest.mark.parametrize(
    ("encoded", "content"),
    [
        (b"T3JkZXI=", b"Order"),
        (b"T3Jk\r\n ZXI", b"Order"),
        (b"T3JkZXIx\xff!Mg", b"Order12"),
        (b"T3JkZXI=trailing", b"Order"),
        (b"T3JkZ", b"Ord"),
        (b"=", b""),
    ],
)
def test_broken_base64_is_read_as_far_as_it_goes(encoded: bytes, content: bytes) -> None:
    assert transfer_decoded(encoded, " Base64 ") == content


def test_other_transfer_encodings() -> None:
    assert transfer_decoded(b"Order=20=231=\r\n2=", "quoted-printable") == b"Order #12"
    assert transfer_decoded(b"=20", "8bit") == b"=20"
    assert transfer_decoded(b"=20", "x-uuencode") == b"=20"


@given(st.text(max_size=300), st.sampled_from(["", "=?utf-8?q?", "=?big5?B?"]))
def test_nothing_that_a_header_says_raises(value: str, begun: str) -> None:
    assert isinstance(decoded_words(begun + value + "?="), str)


@given(st.binary(max_size=300), st.text(max_size=20))
def test_no_bytes_and_no_charset_raise(content: bytes, charset: str) -> None:
    assert isinstance(from_charset(content, charset), str)
    assert isinstance(from_charset(transfer_decoded(content, "base64"), "utf-16"), str)
