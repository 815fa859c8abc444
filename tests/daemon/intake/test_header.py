"""What is asked of a header before the 250, and what is written above it."""

from __future__ import annotations

import time

import pytest

from daemon.intake import replies, trace
from daemon.intake.header import LARGEST, LARGEST_FIELD, MOST_FIELDS, read_header
from daemon.intake.replies import Refused
from tests.daemon.intake.front import LETTER, NOW

HOP = trace.Hop("client.example", "192.0.2.1", "intake.example", "ESMTPS", "ada@customer.example")


def test_fields_stand_as_they_came() -> None:
    header = read_header(b"A: 1\r\nB:\r\n 2\r\n\t3\r\na : 4\r\n\r\nC: 5\r\n")
    assert header.fields == ((b"a", b" 1"), (b"b", b"\r\n 2\r\n\t3"), (b"a", b" 4"))
    assert header.size == len(b"A: 1\r\nB:\r\n 2\r\n\t3\r\na : 4\r\n")
    assert list(header.values(b"a")) == [b" 1", b" 4"]


@pytest.mark.parametrize("content", [b"", b"\r\n", b"no header\r\n", b"\r\nA: 1\r\n", b" x: 1\r\n"])
def test_a_message_may_have_no_header(content: bytes) -> None:
    assert read_header(content).fields == ()


MESSAGE_IDS = [
    (b"<1@x>", "1@x"),
    (b"\r\n <1@x>\r\n ", "1@x"),
    (b"1@x", "1@x"),
    (b"<a\xffb@x>", "a\ufffdb@x"),
    (b"<a\x1b[31mb@x>", "a[31mb@x"),
    (b"<>", None),
    (b"", None),
]


@pytest.mark.parametrize(("value", "message_id"), MESSAGE_IDS)
def test_message_id_is_read(value: bytes, message_id: str | None) -> None:
    assert read_header(b"Message-ID: " + value + b"\r\n\r\n").message_id == message_id


@pytest.mark.parametrize(
    "content",
    [
        b"A: " + b"x" * LARGEST_FIELD + b"\r\n\r\n",
        b"A: x\r\n" * (MOST_FIELDS + 1) + b"\r\n",
        (b"A: " + b"x" * 1_000 + b"\r\n") * (LARGEST // 1_000) + b"\r\n",
        b"A: x\r\n" * 80_000,
        b"A:" + b"\r\n x" * 500_000 + b"\r\n",
    ],
    ids=["a field", "many fields", "much in all", "80,000", "folded"],
)
def test_a_header_too_big_is_refused_at_once(content: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(Refused) as refusal:
        read_header(content)
    assert refusal.value.reply is replies.HEADER_TOO_BIG
    assert time.monotonic() - began < 2


def test_a_large_header_within_the_limits_is_taken() -> None:
    assert len(read_header(b"A: x\r\n" * MOST_FIELDS + b"\r\n").fields) == MOST_FIELDS


def test_fifty_hops_are_let_pass_and_one_more_is_a_loop() -> None:
    hops = b"Received: from a by b\r\n"
    assert not trace.loops(read_header(hops * 50), "intake.example")
    assert trace.loops(read_header(hops * 51), "intake.example")


def test_our_own_mark_is_a_loop_and_another_instances_is_not() -> None:
    header = read_header(b"X-RECEIPTWATCH-LOOP: Intake.example \r\n")
    assert trace.loops(header, "intake.example")
    assert not trace.loops(header, "second.example")


def test_received_says_who_brought_it() -> None:
    assert trace.received(HOP, NOW) == (
        b"Received: from client.example ([192.0.2.1])\r\n"
        b"\tby intake.example (Receiptwatch) with ESMTPS\r\n"
        b"\tfor <ada@customer.example>;\r\n"
        b"\tSun, 01 Mar 2026 12:00:00 +0000\r\n"
    )


def test_received_repeats_no_helo_that_is_no_name() -> None:
    field = trace.received(HOP._replace(helo="a (b) by c; x", client="2001:db8::1"), NOW)
    assert field.startswith(b"Received: from unknown ([IPv6:2001:db8::1])\r\n")


def test_only_what_is_missing_is_added() -> None:
    whole = trace.completed(read_header(LETTER), "intake.example", b"\1" * 32, NOW)
    assert whole == b"X-Receiptwatch-Loop: intake.example\r\n"
    bare = trace.completed(read_header(b"From: a@b\r\n\r\n"), "intake.example", b"\1" * 32, NOW)
    assert b"\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\n" in bare
    assert b"\r\nMessage-ID: <" + b"01" * 16 + b"@intake.example>\r\n" in bare
    assert not bare.endswith(b"\r\n\r\n")


def test_above_a_message_without_a_header_stands_an_empty_line() -> None:
    above = trace.completed(read_header(b"Hello\r\n"), "intake.example", b"\1" * 32, NOW)
    assert above.endswith(b">\r\n\r\n")
