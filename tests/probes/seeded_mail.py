"""Receipts as a route delivers them, with the token in some of its places only."""

from __future__ import annotations

import base64

from probes import token

KEY = b"a key of the tests, long enough"
ADDRESS = "seed.one@gmail.test"


def receipt(
    probe: str,
    *,
    to: str = ADDRESS,
    signed_for: str = ADDRESS,
    key: bytes = KEY,
    places: tuple[str, ...] = ("message-id", "x-order-ref", "subject"),
    body: bytes = b"Thank you for your order.\r\n",
    extra: bytes = b"",
) -> bytes:
    """A message to `to` that carries the token of `probe` in `places`."""
    word = token.mint(key, probe, signed_for)
    named = {
        "message-id": f"Message-ID: <{word}@shop.test>",
        "x-microsoft-original-message-id": f"X-Microsoft-Original-Message-ID: <{word}@shop.test>",
        "x-order-ref": f"X-Order-Ref: {word}",
        "subject": f"Subject: Your order {token.grouped(word)}",
        "encoded-subject": f"Subject: {_encoded(f'رسید سفارش {word}')}",
    }
    lines = [named[place] for place in places if place in named]
    if not any(place.endswith("message-id") for place in places):
        lines.append("Message-ID: <0102018f-aaaa@relay.test>")
    header = "".join(f"{line}\r\n" for line in [f"To: Seed <{to}>", *lines]).encode()
    return header + extra + b"\r\n" + _body(places, word, body)


def _encoded(text: str) -> str:
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def _body(places: tuple[str, ...], word: str, body: bytes) -> bytes:
    if "body" in places:
        body += f"Order {word}\r\n".encode()
    if "base64-body" in places:
        body += base64.encodebytes(f"<p dir=rtl>Order number {word}</p>".encode())
    if "soft-broken-body" in places:
        body += f"Order {word[:10]}=\r\n{word[10:]}\r\n".encode()
    return body
