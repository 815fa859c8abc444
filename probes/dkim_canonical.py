"""The canonical forms of RFC 6376 3.4, in linear time on any input."""

from __future__ import annotations

import re

_FOLD = re.compile(rb"\r?\n")
_BLANKS = re.compile(rb"[ \t]+")


def relaxed_field(name: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Name and body of a header field in relaxed form (3.4.2); the body ends with CRLF."""
    unfolded = _FOLD.sub(b"", body)
    return name.rstrip(b" \t").lower(), _BLANKS.sub(b" ", unfolded).strip(b" ") + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """The body in relaxed form (3.4.4); an empty one becomes no bytes at all."""
    squeezed = _single_blanks(body.replace(b"\t", b" ")).replace(b" \r\n", b"\r\n")
    if squeezed.endswith(b" "):
        # An unfinished last line: its CRLF is added below, and white space before a CRLF goes.
        squeezed = squeezed[:-1]
    return _one_final_line_end(squeezed)


def simple_body(body: bytes) -> bytes:
    """The body in simple form (3.4.3); an empty one becomes a single CRLF."""
    return _one_final_line_end(body) or b"\r\n"


def _single_blanks(text: bytes) -> bytes:
    # Halving runs is linear in all; a pattern such as "[ ]+\r\n" starts over at every blank.
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _one_final_line_end(body: bytes) -> bytes:
    """`body` without its empty last lines, ended by one CRLF unless nothing is left."""
    end = len(body) - 2 * _final_line_ends(body)
    return body[:end] + b"\r\n" if end else b""


def _final_line_ends(body: bytes) -> int:
    """How many CRLF pairs `body` ends with, counted without a loop over them."""
    tail = body[len(body.rstrip(b"\r\n")) :][::-1]
    newlines, returns = tail[0::2], tail[1::2]
    return min(
        len(newlines) - len(newlines.lstrip(b"\n")), len(returns) - len(returns.lstrip(b"\r"))
    )
