"""Builds messages as shops send them, by hand: no library that would tidy them up."""

from __future__ import annotations

import base64
import quopri

CUSTOMER = "jane@customer.test"


def message(body: str | bytes, *fields: str, subject: str = "Hello", to: str = CUSTOMER) -> bytes:
    """A message with the usual header and `fields`, whose last may say what the body is."""
    head = ["From: My Shop <orders@shop.test>", f"To: {to}", f"Subject: {subject}"]
    head += ["Date: Fri, 20 Nov 2026 10:00:00 +0100", "Message-ID: <1@shop.test>", *fields]
    content = body if isinstance(body, bytes) else crlf(body)
    return crlf("\n".join(head)) + b"\r\nMIME-Version: 1.0\r\n\r\n" + content


def crlf(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def text(body: str, subject: str = "Hello", **also: str) -> bytes:
    return message(body, "Content-Type: text/plain; charset=utf-8", subject=subject, **also)


def html(body: str, subject: str = "Hello", **also: str) -> bytes:
    return message(body, "Content-Type: text/html; charset=UTF-8", subject=subject, **also)


def in_base64(body: str, kind: str = "text/html", charset: str = "utf-8") -> bytes:
    fields = (f"Content-Type: {kind}; charset={charset}", "Content-Transfer-Encoding: base64")
    return message(base64.encodebytes(body.encode(charset)), *fields)


def in_quoted_printable(body: str, kind: str = "text/html", charset: str = "utf-8") -> bytes:
    fields = (
        f"Content-Type: {kind}; charset={charset}",
        "Content-Transfer-Encoding: quoted-printable",
    )
    encoded = quopri.encodestring(body.encode(charset)).replace(b"\n", b"\r\n")
    return message(encoded, *fields)


def in_two_words(value: str) -> str:
    """An encoded header value (RFC 2047) that is cut within a character, as some programs do."""
    content = value.encode()
    cut = len(content) - 1
    words = (base64.b64encode(piece).decode() for piece in (content[:cut], content[cut:]))
    return "\r\n ".join(f"=?utf-8?B?{word}?=" for word in words)


def part(body: str | bytes, kind: str, *fields: str) -> bytes:
    content = body if isinstance(body, bytes) else crlf(body)
    return crlf("\n".join([f"Content-Type: {kind}", *fields, "", ""])) + content


def multipart(*parts: bytes, boundary: str) -> bytes:
    mark = boundary.encode()
    inside = b"".join(b"\r\n--" + mark + b"\r\n" + p for p in parts)
    return b"This is a multi-part message.\r\n" + inside + b"\r\n--" + mark + b"--\r\n"


def mixed(
    *parts: bytes, kind: str = "alternative", subject: str = "Hello", boundary: str = "b1"
) -> bytes:
    field = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
    return message(multipart(*parts, boundary=boundary), field, subject=subject)


def nested(*parts: bytes, kind: str, boundary: str) -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + multipart(*parts, boundary=boundary)


def linked(data: str, visible: str = "Thank you.") -> str:
    script = f'<script type="application/ld+json">{data}</script>'
    return f"<html><head>{script}</head><body><p>{visible}</p></body></html>"
