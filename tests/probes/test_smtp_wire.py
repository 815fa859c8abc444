from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.smtp_wire import LONGEST_REPLY, NO_REPLY, Reply, ReplyReader, Silent

WIRE = (
    b"250-relay.test\r\n250-SIZE 100\r\n250 OK\r\n354 go on\r\n"
    b"550-5.1.1 no\n550 5.1.1 user\r\n221\r\n"
)
REPLIES = [
    Reply(250, "relay.test\nSIZE 100\nOK"),
    Reply(354, "go on"),
    Reply(550, "5.1.1 no\n5.1.1 user"),
    Reply(221, ""),
]


def read(*pieces: bytes) -> list[Reply]:
    reader = ReplyReader()
    return [reply for piece in pieces for reply in reader.feed(piece)]


def test_replies_come_in_their_order_however_many_arrive_at_once() -> None:
    assert read(WIRE) == REPLIES


@given(st.lists(st.integers(0, len(WIRE)), max_size=20))
def test_replies_are_the_same_wherever_the_network_cuts_them(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(WIRE)]
    assert read(*(WIRE[a:b] for a, b in pairwise(at))) == REPLIES


@pytest.mark.parametrize("line", [b"garbage\r\n", b"\r\n", b"2x0 ok\r\n", b"25\r\n", b"-25 x\n"])
def test_what_is_no_reply_has_no_code(line: bytes) -> None:
    [reply] = read(line)
    assert reply.code == NO_REPLY
    assert reply.message.startswith("Not an SMTP reply:")


def test_bytes_of_any_kind_are_kept_as_they_came() -> None:
    assert read(b"250 \xff\x1b[31m\r\n") == [Reply(250, "\udcff\x1b[31m")]


@pytest.mark.parametrize("piece", [b"x" * 1_000, b"250-x\r\n" * 200])
def test_a_reply_without_an_end_is_not_kept_for_ever(piece: bytes) -> None:
    reader = ReplyReader()
    for _ in range(LONGEST_REPLY // len(piece) - 1):
        assert not list(reader.feed(piece))
    with pytest.raises(Silent, match="no end"):
        list(reader.feed(piece * 15))
