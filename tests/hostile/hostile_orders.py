"""Messages written to hang, bloat or fool whoever looks for an order in them."""

from __future__ import annotations

import base64
import zlib

HEAD = b"From: My Shop <orders@shop.test>\r\nTo: jane@customer.test\r\nSubject: Hello\r\n"
MB = 1024 * 1024


def with_to(value: bytes) -> bytes:
    return HEAD.replace(b"jane@customer.test", value) + b"\r\nhello\r\n"


def with_subject(value: bytes) -> bytes:
    return HEAD.replace(b"Hello", value) + b"\r\nhello\r\n"


def text(body: bytes) -> bytes:
    return HEAD + b"Content-Type: text/plain\r\n\r\n" + body


def page(body: bytes) -> bytes:
    return HEAD + b"Content-Type: text/html\r\n\r\n" + body


def data(body: bytes) -> bytes:
    return page(b'<script type="application/ld+json">' + body + b"</script>")


def multipart(body: bytes, boundary: bytes = b"b") -> bytes:
    return HEAD + b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n' + body


def nested_parts(depth: int) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(depth)
    )
    return HEAD + opening + b"\r\nOrder #4711\r\n"


def nested_messages(depth: int) -> bytes:
    return (HEAD + b"Content-Type: message/rfc822\r\n\r\n") * depth + HEAD + b"\r\nOrder #4711\r\n"


def wide_and_deep(levels: int, size: int) -> bytes:
    """Each level holds the next, and all of them a great attachment full of half a boundary."""
    names = [b"=_boundary_of_level_%02d" % n for n in range(levels)]
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s\r\n' % (name, name)
        for name in names
    )
    return HEAD + opening + b"\r\n" + b"\n--=_boundary_of_level\n"[:-1] * (size // 22)


def bomb() -> bytes:
    content = base64.encodebytes(zlib.compress(bytes(50 * MB), 9))
    return multipart(
        b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/zip\r\n"
        b"Content-Disposition: attachment; filename=order.zip\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + content + b"\r\n--b--\r\n"
    )


UNREADABLE: dict[str, bytes] = {
    "1,000 nested multiparts": nested_parts(1000),
    "1,000 nested messages": nested_messages(1000),
    "To of 16 KB of quotes": with_to(b'"' * 16_000),
    "To of 16 KB and a quote": with_to(b'"' * 16_001),
    "To of 500 open brackets": with_to(b"(" * 500 + b" a@x.test"),
    "To of 16 KB of brackets": with_to(b"()" * 8000),
    "16,000 addresses": with_to(b",\r\n ".join(b"a%d@x.test" % n for n in range(16_000))),
    "900 addresses in one field": with_to(b",".join(b"a%d@x.test" % n for n in range(900))),
    "900 fields of addresses": b"To: a@x.test, b@x.test\r\n" * 450
    + b"".join(b"Cc: c%d@x.test\r\n" % n for n in range(450))
    + HEAD
    + b"\r\n",
    "218 KB of encoded words": with_subject(b"=?utf-8?q?a?=\r\n " * 12_000),
    "80,000 header fields": b"X: y\r\n" * 80_000 + HEAD + b"\r\n",
    "one header field of 1 MB": b"X: " + b"y" * MB + b"\r\n" + HEAD + b"\r\n",
    "10,000 parts": multipart(b"--b\r\n\r\nx\r\n" * 10_000),
    "NUL and 8-bit everywhere": text(b"order\x00number\xff: 12").replace(b" ", b"\x00\xff"),
    "bare carriage returns": text(b"hello").replace(b"\r\n", b"\r"),
    "half boundaries without end": multipart(b"\n--b" * (2 * MB)),
}

READABLE: dict[str, bytes] = {
    "16 KB of encoded words": with_subject(b"=?utf-8?q?a?= " * 1000),
    "16 KB of beginnings of encoded words": with_subject(b"=?" * 8000),
    "encoded words of question marks": with_subject(b"=?a?q?" * 2600),
    "an encoded word of punycode": with_subject(b"=?punycode?q?" + b"a-b" * 300 + b"?="),
    "a bomb in an attachment": bomb(),
    "25 MB of attachment": multipart(
        b"--b\r\n\r\nOrder no. 1\r\n--b\r\nContent-Type: a/b\r\n\r\n" + b"x" * 25 * MB
    ),
    "25 MB of text in one line": text(b"x" * 25 * MB),
    "8 MB in 20 levels of half boundaries": wide_and_deep(20, 8 * MB),
    "512 KB of spaces": text(b"order number" + b" " * 512_000),
    "512 KB of line ends": text(b"order number" + b"\r\n" * 256_000),
    "512 KB of the word order": text(b"order number " * 40_000),
    "512 KB of order number signs": text(b"order #" * 73_000),
    "512 KB of digits": text(b"order number: " + b"7" * 512_000),
    "512 KB of open angles": page(b"<" * 512_000),
    "512 KB of tags that never end": page(b"<a " * 170_000),
    "512 KB of tags with open quotes": page(b'<a b="' * 85_000),
    "512 KB of tags with open quotes of both kinds": page(b"<a b=\"c='>" * 50_000),
    "512 KB of equals signs": page(b"<a " + b"= " * 256_000 + b">"),
    "512 KB of comments that never end": page(b"<!--" * 128_000),
    "512 KB of scripts that never end": page(b"<script>" * 64_000),
    "512 KB of scripts that nearly end": page(b"<script>" + b"</scrip" * 73_000),
    "512 KB of empty tags": page(b"<b>" * 170_000),
    "512 KB of ampersands": page(b"&" * 512_000),
    "a character reference of 500,000 digits": page(b"&#" + b"9" * 500_000 + b";"),
    "character references of 32 letters": page(b"&abcdefghijklmnopqrstuvwxyzabcdef" * 15_000),
    "512 KB of microdata": page(b'<b itemprop="orderNumber' + b" itemprop=" * 50_000 + b'">'),
    "JSON 100,000 deep": data(b"[" * 100_000),
    "JSON objects 20,000 deep": data(b'{"a":' * 20_000),
    "JSON with a name twice": data(b'{"@type":"Order","orderNumber":"1","orderNumber":"2"}'),
    "JSON with NaN": data(b'{"@type":"Order","orderNumber":"1","price":NaN}'),
    "JSON with a number of 100,000 digits": data(
        b'{"@type":"Order","orderNumber":' + b"7" * 100_000 + b"}"
    ),
    "JSON with 1e400": data(b'{"@type":"Order","orderNumber":1e400}'),
    "JSON with a lone surrogate": data(b'{"@type":"Order","orderNumber":"12\\ud800"}'),
    "JSON with many nodes": data(b"[" + b"[]," * 40_000 + b"[]]"),
    "quoted-printable of equals signs": HEAD
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    + b"=" * 500_000,
    "base64 of rubbish": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"\xff=" * 250_000,
    "a content type of 16 KB": HEAD + b"Content-Type: text/plain" + b'; a="' * 3000 + b"\r\n\r\nx",
    "a boundary of 200 characters": multipart(b"--" + b"a" * 199, b"a" * 200),
    "UTF-7": HEAD + b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+2AA-" * 80_000,
    "UTF-16": HEAD + b"Content-Type: text/plain; charset=utf-16\r\n\r\n" + b"\xd8\x00" * 200_000,
    "a charset that packs": HEAD + b"Content-Type: text/plain; charset=zlib\r\n\r\nx",
    "a date of a million years": HEAD + b"Date: Fri, 20 Nov 99999999 10:00:00 +9999\r\n\r\nx",
    "no header": b"\r\n\r\n",
}
