"""The parts of a message."""

from __future__ import annotations

import pytest

from probes.letter import TooHostile, read_letter
from probes.parts import MAX_DEPTH, MAX_PARTS, parts_of


def multipart(body: str, boundary: str = '"b"', kind: str = "mixed") -> bytes:
    head = f"Subject: x\r\nContent-Type: multipart/{kind}; boundary={boundary}\r\n\r\n"
    return (head + body.replace("\n", "\r\n")).encode()


def contents(raw: bytes) -> list[tuple[str, bytes]]:
    return [(part.kind, raw[part.start : part.end]) for part in parts_of(read_letter(raw))]


def test_each_part_is_what_stands_between_its_header_and_the_boundary() -> None:
    raw = multipart(
        "preamble\n--b\n\none\n\n--b\nContent-Type: TEXT/HTML; charset=x\n\ntwo\n--b--\nepilogue"
    )
    assert contents(raw) == [("text/plain", b"one\r\n"), ("text/html", b"two")]


def test_a_boundary_is_a_line_of_its_own() -> None:
    raw = multipart("--b\n\nx --b\n--bc\n --b\n--b  \n\ntwo\n--b--")
    assert [content for _, content in contents(raw)] == [b"x --b\r\n--bc\r\n --b", b"two"]


@pytest.mark.parametrize("boundary", ["b", '"b"', '"b" ; charset=utf-8'])
def test_a_boundary_may_be_quoted_or_not(boundary: str) -> None:
    assert contents(multipart("--b\n\none\n--b--", boundary)) == [("text/plain", b"one")]


def test_bare_line_feeds_do_as_line_ends() -> None:
    raw = multipart("--b\n\none\n--b\n\ntwo\n--b--\n").replace(b"\r\n", b"\n")
    assert [content for _, content in contents(raw)] == [b"one", b"two"]


def test_without_its_end_the_last_part_goes_to_the_end() -> None:
    assert contents(multipart("--b\n\none\ntwo")) == [("text/plain", b"one\r\ntwo")]


def test_an_inner_boundary_may_begin_like_the_outer_one() -> None:
    inner = "Content-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb--"
    assert contents(multipart(f"--b\n{inner}\n--b\n\ntwo\n--b--")) == [
        ("text/plain", b"one"),
        ("text/plain", b"two"),
    ]


def test_a_multipart_without_a_boundary_is_text() -> None:
    raw = b"Content-Type: multipart/mixed\r\n\r\nhello"
    assert contents(raw) == [("text/plain", b"hello")]


def test_what_is_attached_says_so_and_what_is_encoded_is_read() -> None:
    raw = multipart(
        "--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n"
        "6Q==\n--b\nContent-Disposition: Attachment; filename=x\n\nx\n--b--"
    )
    shown, attached = parts_of(read_letter(raw))
    assert (shown.text(100), shown.attached, attached.attached) == ("é", False, True)


def test_a_message_inside_is_one_part() -> None:
    inside = "Subject: y\n\nhello"
    raw = multipart(f"--b\nContent-Type: message/rfc822\n\n{inside}\n--b--")
    [part] = parts_of(read_letter(raw))
    assert part.kind == "message/rfc822"
    assert part.message(1000) == inside.replace("\n", "\r\n").encode()
    assert part.message(7) == b"Subject"


def test_the_caps_are_kept_and_named() -> None:
    many = multipart("--b\n\nx\n" * (MAX_PARTS - 1) + "--b--")
    assert len(contents(many)) == MAX_PARTS - 1
    with pytest.raises(TooHostile, match="1000 parts"):
        contents(multipart("--b\n\nx\n" * MAX_PARTS + "--b--"))
    with pytest.raises(TooHostile, match="look like boundaries"):
        contents(multipart("--b\n\n" + "--bx\n" * 10_001))
    flat = read_letter(b"\r\nhello")
    assert list(parts_of(flat, MAX_DEPTH))
    with pytest.raises(TooHostile, match="20 deep"):
        list(parts_of(flat, MAX_DEPTH + 1))
