"""Splitting messages into fields: exact, linear, within caps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.letter import MAX_FIELD, MAX_FIELDS, MAX_HEADER_BLOCK, TooHostile, read_letter

MESSAGE = (
    b"Received: from a\r\n\tby b; now\r\nSubject: one\r\n  two\r\nSUBJECT : three\r\n"
    b"X-Bytes: \xff\xc3\xa9\r\n\r\nBody: no field\r\n"
)


def test_fields_keep_their_bytes_and_unfold_on_demand() -> None:
    letter = read_letter(MESSAGE)
    assert [field.name for field in letter.fields] == ["received", "subject", "subject", "x-bytes"]
    assert letter.fields[0].raw == b"Received: from a\r\n\tby b; now\r\n"
    assert letter.fields[0].value == "from a\tby b; now"
    assert letter.fields[3].value == "\ufffdé"
    assert letter.body == b"Body: no field\r\n"


def test_fields_are_found_by_name_topmost_first() -> None:
    letter = read_letter(MESSAGE)
    assert [field.value for field in letter.all("subject")] == ["one  two", "three"]
    first = letter.first("subject")
    assert first is not None
    assert first.value == "one  two"
    assert letter.first("from") is None


def test_bare_line_feeds_end_lines_and_bare_carriage_returns_do_not() -> None:
    letter = read_letter(b"A: 1\rX: 2\nB: 3\n\nbody\n")
    assert [field.name for field in letter.fields] == ["a", "b"]
    assert letter.body == b"body\n"


def test_lines_that_are_no_field_are_counted_and_left_out() -> None:
    letter = read_letter(b" stray fold\r\nFrom me Sat\r\nno colon\r\n folded\r\nA: 1\r\n\r\n")
    assert [field.name for field in letter.fields] == ["a"]
    assert letter.defects == 3


def test_a_message_without_empty_line_is_all_header() -> None:
    letter = read_letter(b"A: 1\r\nB: 2")
    assert len(letter.fields) == 2
    assert letter.body == b""


@pytest.mark.parametrize(
    ("raw", "cap"),
    [
        (b"A: " + b"x" * MAX_FIELD + b"\r\n\r\n", "field is longer"),
        (b"A: 1\r\n" + b" x\r\n" * MAX_FIELD + b"\r\n", "field is longer"),
        (b"A: 1\r\n" * (MAX_FIELDS + 1) + b"\r\n", "more than 1000 fields"),
        ((b"A: " + b"x" * 9999 + b"\r\n") * 14 + b"\r\n", "header is longer"),
        (b"no colon\r\n" * MAX_HEADER_BLOCK, "header is longer"),
    ],
)
def test_beyond_a_cap_the_message_is_refused_by_name_of_the_cap(raw: bytes, cap: str) -> None:
    with pytest.raises(TooHostile, match=cap):
        read_letter(raw)


def test_what_just_keeps_the_caps_is_read() -> None:
    assert len(read_letter(b"A: 1\r\n" * MAX_FIELDS + b"\r\n").fields) == MAX_FIELDS


@given(st.lists(st.sampled_from([b"A", b":", b" ", b"\r\n", b"\n", b"\r", b"\x00", b"\xff"])))
def test_any_bytes_are_read_and_none_is_invented(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    letter = read_letter(raw)
    assert sum(len(field.raw) for field in letter.fields) + len(letter.body) <= len(raw)
    assert all(field.raw in raw for field in letter.fields)
