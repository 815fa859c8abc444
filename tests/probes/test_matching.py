from __future__ import annotations

import pytest

from probes import token
from probes.letter import read_letter
from probes.matching import BODY_CAP, Forged, Match, in_body, in_headers
from probes.observation import MatchedBy
from tests.probes.seeded_mail import ADDRESS, KEY, receipt

PROBE = token.new_id()


def matched(raw: bytes, address: str = ADDRESS) -> Match | Forged | None:
    return in_headers(read_letter(raw), KEY, address)


def test_the_message_id_is_asked_first() -> None:
    assert matched(receipt(PROBE)) == Match(PROBE, MatchedBy.MESSAGE_ID)


def test_the_address_is_compared_without_case() -> None:
    raw = receipt(PROBE, to=ADDRESS.upper())
    assert matched(raw, ADDRESS.title()) == Match(PROBE, MatchedBy.MESSAGE_ID)


@pytest.mark.parametrize("name", [b"Delivered-To", b"X-Original-To"])
def test_an_envelope_recipient_confirms_what_to_does_not(name: bytes) -> None:
    raw = receipt(PROBE, to="undisclosed@shop.test")
    assert matched(name + b": " + ADDRESS.encode() + b"\r\n" + raw) == Match(
        PROBE, MatchedBy.MESSAGE_ID
    )


def test_a_message_to_somebody_else_is_forged_even_with_a_good_signature() -> None:
    raw = b"Delivered-To: other@gmail.test\r\n" + receipt(PROBE, to="other@gmail.test")
    assert matched(raw) == Forged()


def test_an_address_that_only_contains_the_seed_s_is_another() -> None:
    assert matched(receipt(PROBE, to=f"not-{ADDRESS}")) == Forged()
    assert matched(receipt(PROBE, to=f"{ADDRESS}.evil.test")) == Forged()


def test_another_seed_s_receipt_is_forged_here() -> None:
    assert matched(receipt(PROBE, signed_for="seed.two@gmail.test")) == Forged()


def test_a_uuid_for_a_message_id_accuses_nobody() -> None:
    uuid = b"123e4567-e89b-12d3-a456-426614174000"
    raw = b"To: " + ADDRESS.encode() + b"\r\nMessage-ID: <" + uuid + b"@relay.test>\r\n\r\n"
    assert matched(raw) is None


def test_a_false_token_in_one_place_does_not_hide_the_true_one() -> None:
    false = token.mint(b"another key, quite long", PROBE, ADDRESS).encode()
    raw = b"X-Order-Ref: " + false + b"\r\n" + receipt(PROBE, places=("subject",))
    assert matched(raw) == Match(PROBE, MatchedBy.SUBJECT)


def test_a_folded_subject_is_read_whole() -> None:
    word = token.grouped(token.mint(KEY, PROBE, ADDRESS)).encode()
    raw = b"To: " + ADDRESS.encode() + b"\r\nSubject: Thanks\r\n for\r\n\t" + word + b"\r\n\r\n"
    assert matched(raw) == Match(PROBE, MatchedBy.SUBJECT)


@pytest.mark.parametrize(
    "subject",
    [b"=?utf-8?B?!!!!?=", b"=?no-such-charset?Q?x?=", b"=?utf-8?B?" + b"A" * 9000, b"\xff\xfe\x00"],
)
def test_a_broken_subject_is_no_match_and_no_failure(subject: bytes) -> None:
    assert matched(b"To: " + ADDRESS.encode() + b"\r\nSubject: " + subject + b"\r\n\r\n") is None


def test_the_body_is_read_up_to_its_cap_only() -> None:
    near = receipt(PROBE, places=("body",), body=b"")
    far = receipt(PROBE, places=("body",), body=b"filler \r\n" * (BODY_CAP // 9))
    assert in_body(near, read_letter(near), KEY, ADDRESS) == Match(PROBE, MatchedBy.BODY)
    assert in_body(far, read_letter(far), KEY, ADDRESS) is None


def test_a_body_in_a_message_to_somebody_else_is_no_match() -> None:
    raw = receipt(PROBE, places=("body",), to="other@gmail.test")
    assert in_body(raw, read_letter(raw), KEY, ADDRESS) is None
