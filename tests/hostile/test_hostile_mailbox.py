"""Hostile messages lie in a seed's mailbox among its probes; the look goes on, within a second."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from probes import token
from probes.endpoint import Endpoint, Password, Tls
from probes.mailbox import Account, Mailbox, MailboxError
from probes.mailboxes import gmail, outlook
from tests.probes.imap_script import EXCHANGE, GMAIL, ScriptedImap
from tests.probes.seeded_mail import ADDRESS, KEY, receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

TO = b"To: " + ADDRESS.encode() + b"\r\n"
WITHIN_S = 1.0
SLACK_S = 2.0
"""The scripted server and a busy machine take their share of the time that is measured."""


def nested(depth: int) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(depth)
    )
    return TO + opening + b"\r\nthe core\r\n"


HOSTILE = {
    "200 KB of spaces": TO + b"Subject:" + b" " * 200_000 + b"x\r\n\r\n",
    "200 KB of spaces in a body": TO + b"\r\n" + b" " * 200_000,
    "80,000 headers": b"Subject: again\r\n" * 80_000 + TO + b"\r\n",
    "80,000 other headers": b"X-A: b\r\n" * 80_000 + TO + b"\r\n",
    "a header of 1 MB": TO + b"Message-ID: <" + b"a" * 1_000_000 + b"@x>\r\n\r\n",
    "16 KB of quotes for a recipient": b"To: " + b'"' * 16_384 + b"\r\n\r\n",
    "16,000 recipients": b"To: " + b"a@b.test, " * 16_000 + b"\r\n\r\n",
    "218 KB of encoded words": TO + b"Subject: " + b"=?utf-8?q?a?= " * 15_600 + b"\r\n\r\n",
    "500 open comments": TO + b"Subject: " + b"(" * 500 + b"\r\n\r\n",
    "1,000 nested parts": nested(1000),
    "10,000 parts": TO
    + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nx\r\n" * 10_000,
    "bytes that are no text": TO + b"Subject: \xff\xfe\x00\x80\r\n\xe9\xe9: \xff\r\n\r\n\xff\xff",
    "only line ends": b"\r\n" * 50_000,
    "nothing": b"",
    "64 KB of token-shaped words": TO + b"\r\n" + b"0123456789ABCDEFGHJKMNPQ\r\n" * 2_600,
    "64 KB of base64 in short lines": TO + b"\r\n" + b"QUJD\r\n\r\n" * 8_000,
    "5 MB": TO + b"\r\n" + b"filling " * 650_000,
    "a forged token": receipt(token.new_id(), key=b"not the key of this test"),
    "a token of somebody else": receipt(token.new_id(), signed_for="other@gmail.test"),
    "a replayed token": receipt(token.new_id(), to="other@gmail.test"),
}


@pytest.fixture(params=["gmail", "outlook"])
def mailbox(request: pytest.FixtureRequest) -> Iterator[tuple[ScriptedImap, Mailbox]]:
    persona, kind = {
        "gmail": (GMAIL, gmail.MAILBOX),
        "outlook": (EXCHANGE, outlook.MAILBOX),
    }[request.param]
    with ScriptedImap(persona) as server:
        endpoint = Endpoint("127.0.0.1", server.port, Tls.NONE, timeout_s=20)
        login = Password(ADDRESS, server.password)
        reader = Mailbox(Account("seed", ADDRESS, kind, endpoint, login), key=KEY)
        reader.open()
        yield server, reader
        reader.close()
        assert not server.violations


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_message_is_counted_and_the_probe_beside_it_is_found(
    mailbox: tuple[ScriptedImap, Mailbox], raw: bytes
) -> None:
    server, reader = mailbox
    probe = token.new_id()
    server.deliver("INBOX", raw)
    server.deliver("INBOX", receipt(probe))
    server.deliver("INBOX", raw)
    started = time.monotonic()
    look = reader.look()
    assert time.monotonic() - started < WITHIN_S + SLACK_S
    assert [sighting.probe for sighting in look.sightings] == [probe]
    assert look.strangers + look.forged == 2
    assert reader.look().sightings == ()


@pytest.mark.parametrize(
    "clutter",
    [b"X-A: b\r\n" * 80_000, b"X-A:" + b" " * 200_000 + b"\r\n", b"\xff\x00\xfe: \xff\r\n" * 500],
    ids=["80,000 headers", "200 KB of spaces", "bad bytes"],
)
def test_a_probe_wrapped_in_hostile_headers_is_still_sighted(
    mailbox: tuple[ScriptedImap, Mailbox], clutter: bytes
) -> None:
    server, reader = mailbox
    probe = token.new_id()
    server.deliver("INBOX", receipt(probe, extra=clutter))
    started = time.monotonic()
    [sighting] = reader.look().sightings
    assert time.monotonic() - started < WITHIN_S + SLACK_S
    assert (sighting.probe, sighting.received_at) == (probe, None)


def test_a_probe_of_5_mb_is_cut_at_the_cap(mailbox: tuple[ScriptedImap, Mailbox]) -> None:
    server, reader = mailbox
    filling = base64.encodebytes(b"a zip bomb is never unpacked" * 140_000)
    server.deliver("INBOX", receipt(token.new_id(), body=filling))
    [sighting] = reader.look().sightings
    assert sighting.truncated
    assert len(sighting.raw) == 2_000_000
    assert sighting.size > 5_000_000


def test_a_server_that_announces_a_gigantic_literal_is_not_obeyed(
    mailbox: tuple[ScriptedImap, Mailbox],
) -> None:
    server, reader = mailbox
    server.deliver("INBOX", receipt(token.new_id()))
    server.announced = 10**15
    with pytest.raises(MailboxError, match="1000000000000000 octets"):
        reader.look()
