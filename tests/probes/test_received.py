"""Which Received field is believed, on the shapes that real providers write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.letter import read_letter
from probes.received import Hop, parse_received, received_at, trusted_hop

GMAIL_TOP = (
    b"Received: by 2002:a05:7300:a91 with SMTP id k1; Sat, 21 Nov 2026 02:00:03 -0800 (PST)\r\n"
)
GMAIL = b"""Received: from relay.shop.test (relay.shop.test. [198.51.100.7])
        by mx.google.com with ESMTPS id d2e1a72
        for <probe@gmail.com>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);
        Sat, 21 Nov 2026 02:00:02 -0800 (PST)
"""
POSTFIX = b"""Received: from helo.shop.test (relay.shop.test [127.0.10.25])
        (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
         key-exchange X25519 server-signature RSA-PSS (2048 bits))
        (No client certificate requested)
        by mx.gmail.test (Postfix) with ESMTPS id 4F2A1
        for <probe@gmail.test>; Sat, 21 Nov 2026 10:00:02 +0000 (UTC)
"""
DOVECOT = b"""Received: from mx.gmail.test
        by imap.gmail.test with LMTP
        id SH2dKf (envelope-from <orders@shop.test>)
        for <probe@gmail.test>; Sat, 21 Nov 2026 10:00:03 +0000
"""
MICROSOFT_INSIDE = b"""Received: from BN8NAM11FT003.eop-nam11.prod.protection.outlook.com
 (2603:10b6:408:ff:cafe::7b) by BN9PR03CA0123.outlook.office365.com
 (2603:10b6:408:ff::8) with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.9052.8 via Frontend Transport; Sat, 21
 Nov 2026 10:00:03 +0000
"""
MICROSOFT = b"""Received: from relay.shop.test (198.51.100.7) by
 BN8NAM11FT003.mail.protection.outlook.com (10.13.177.206) with Microsoft SMTP
 Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id
 15.20.9052.8 via Frontend Transport; Sat, 21 Nov 2026 10:00:02 +0000
"""
YAHOO = b"""Received: from 198.51.100.7 (EHLO relay.shop.test)
 by 10.217.151.75 with SMTPs
 (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256);
 Sat, 21 Nov 2026 10:00:02 +0000
"""
FORGED = (
    b"Received: from good (good [203.0.113.9]) by mx.google.com;"
    b" Sat, 21 Nov 2026 01:00:00 +0000\r\n"
)
GOOGLE = ("google.com",)
TEST = ("gmail.test",)
OUTLOOK = ("outlook.com", "office365.com")


def hop(header: bytes, hosts: tuple[str, ...]) -> Hop | None:
    return trusted_hop(read_letter(crlf(header) + b"\r\n"), hosts)


def facts(header: bytes, hosts: tuple[str, ...]) -> tuple[str | None, str | None, str] | None:
    found = hop(header, hosts)
    return (found.client_ip, found.helo, found.by) if found else None


def crlf(header: bytes) -> bytes:
    return header.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("header", "hosts", "expected"),
    [
        (GMAIL_TOP + GMAIL, GOOGLE, ("198.51.100.7", "relay.shop.test", "mx.google.com")),
        (POSTFIX, TEST, ("127.0.10.25", "helo.shop.test", "mx.gmail.test")),
        (DOVECOT + POSTFIX, TEST, ("127.0.10.25", "helo.shop.test", "mx.gmail.test")),
        (
            MICROSOFT_INSIDE + MICROSOFT,
            OUTLOOK,
            ("198.51.100.7", "relay.shop.test", "bn8nam11ft003.mail.protection.outlook.com"),
        ),
        (
            b"Received: from x (x [IPv6:2001:DB8::1]) by mx.google.com with SMTP; x\r\n",
            GOOGLE,
            ("2001:db8::1", "x", "mx.google.com"),
        ),
        (
            b"Received: from [192.0.2.1] (helo=exim.test) by mx.google.com with esmtp; x\r\n",
            GOOGLE,
            ("192.0.2.1", "exim.test", "mx.google.com"),
        ),
    ],
    ids=["gmail", "postfix", "dovecot", "microsoft", "ipv6", "exim"],
)
def test_the_hop_from_outside_is_found(
    header: bytes, hosts: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    assert facts(header, hosts) == expected


def test_what_stands_below_the_hop_is_never_believed() -> None:
    assert facts(GMAIL_TOP + GMAIL + FORGED, GOOGLE) == (
        "198.51.100.7",
        "relay.shop.test",
        "mx.google.com",
    )


def test_a_client_that_borrows_the_providers_name_is_still_outside() -> None:
    borrowed = POSTFIX.replace(b"helo.shop.test", b"mx2.gmail.test")
    found = hop(borrowed + POSTFIX.replace(b"127.0.10.25", b"127.9.9.9"), TEST)
    assert found is not None
    assert found.client_ip == "127.0.10.25"


def test_a_borrowed_name_that_nothing_confirms_makes_the_hop_unknown() -> None:
    # A public address: the documentation's own count as private.
    borrowed = MICROSOFT.replace(b"relay.shop.test", b"x.prod.outlook.com").replace(
        b"198.51.100.7", b"9.9.9.9"
    )
    assert hop(borrowed + MICROSOFT, OUTLOOK) is None


def test_a_trusted_line_below_a_strangers_is_not_believed() -> None:
    stranger = b"Received: from a (a [203.0.113.9]) by mx.evil.test; now\r\n"
    assert hop(stranger + GMAIL, GOOGLE) is None


@pytest.mark.parametrize("hosts", [(), ("oogle.com",), ("com.google",), ("",)])
def test_only_whole_labels_of_a_trusted_name_count(hosts: tuple[str, ...]) -> None:
    assert hop(GMAIL, hosts) is None


def test_yahoo_is_believed_only_under_its_own_authentication_results() -> None:
    results = b"Authentication-Results: atlas1.free.mail.bf1.yahoo.com; dkim=pass\r\n"
    assert hop(YAHOO, ("yahoo.com",)) is None
    assert hop(YAHOO + results, ("yahoo.com",)) is None
    assert facts(results + YAHOO, ("yahoo.com",)) == (
        "198.51.100.7",
        "relay.shop.test",
        "10.217.151.75",
    )


def test_mail_from_the_provider_to_itself_shows_the_address_its_spf_saw() -> None:
    inside = GMAIL.replace(b"relay.shop.test", b"mail-sor-f41.google.com").replace(
        b"198.51.100.7", b"209.85.220.41"
    )
    submission = (
        b"Received: from laptop ([198.51.100.9]) by smtp.gmail.com with ESMTPSA id 1; x\r\n"
    )
    own = ("google.com", "gmail.com")
    assert facts(inside + submission, own) == (
        "209.85.220.41",
        "mail-sor-f41.google.com",
        "mx.google.com",
    )
    assert hop(submission, own) is None
    assert hop(submission + FORGED, own) is None


def test_arrival_is_the_time_of_the_topmost_trusted_field() -> None:
    letter = read_letter(crlf(DOVECOT + POSTFIX + FORGED) + b"\r\n")
    assert received_at(letter, TEST) == datetime(2026, 11, 21, 10, 0, 3, tzinfo=UTC)
    letter = read_letter(crlf(GMAIL_TOP + GMAIL) + b"\r\n")
    assert received_at(letter, GOOGLE) == datetime(2026, 11, 21, 10, 0, 2, tzinfo=UTC)
    assert received_at(letter, ("outlook.com",)) is None


@pytest.mark.parametrize("date", [b"", b"; yesterday", b"; Sat, 99 Nov 2026 99:00:00", b";" * 999])
def test_a_field_without_a_readable_date_has_no_time(date: bytes) -> None:
    letter = read_letter(
        b"Received: from a (a [203.0.113.9]) by mx.gmail.test" + date + b"\r\n\r\n"
    )
    assert received_at(letter, TEST) is None


@pytest.mark.parametrize(
    "value", ["", ";", "(" * 5000, "from", "from by with", "from a (fe80::1%eth0) by b", "by (x"]
)
def test_malformed_fields_say_nothing_and_raise_nothing(value: str) -> None:
    (field,) = read_letter(b"Received: " + value.encode() + b"\r\n\r\n").fields
    assert parse_received(field).client_ip in {None, "fe80::1"}
