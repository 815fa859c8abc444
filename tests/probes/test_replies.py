from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.observation import Fault
from probes.replies import ReplyKind, _table, classify
from probes.reply_text import read_reply
from tests.probes.reply_samples import SAMPLES

PROVIDERS = ("gmail", "outlook", "yahoo", "icloud", "fastmail", "aol", "gmx", "comcast", "plain")


@pytest.mark.parametrize(("row", "provider", "code", "text"), SAMPLES)
def test_a_real_reply_lands_on_its_row(
    row: str, provider: str | None, code: int, text: str
) -> None:
    read = read_reply(code, text)
    assert classify(provider, read.code, read.enhanced, read.text).row == row


@pytest.mark.parametrize(("row", "provider", "code", "text"), SAMPLES)
def test_the_same_reply_quoted_by_a_relay_lands_on_the_same_row(
    row: str, provider: str | None, code: int, text: str
) -> None:
    quote = "\n".join(f"{code}-{line}" for line in text.splitlines())
    quoted = f"host mx.mail.test[192.0.2.9] said: {quote} (in reply to end of DATA command)"
    assert classify(provider, code, None, quoted).row == row


def test_every_row_has_a_sample_and_every_sample_a_row() -> None:
    assert {row for row, *_ in SAMPLES} == {row.id for row in _table()}


def test_rows_are_unique_and_say_something() -> None:
    rows = _table()
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.fault is not Fault.NONE
        assert row.codes
        assert row.providers <= {*PROVIDERS, "*"}
        for sentence in (row.meaning, row.remedy):
            assert sentence.endswith("."), row.id
            assert 10 < len(sentence) < 160, row.id
        assert all(piece == piece.lower() for way in row.words for piece in way), row.id


@pytest.mark.parametrize("provider", [*PROVIDERS, None])
@pytest.mark.parametrize(
    "text",
    [
        "5.7.1 Your IP 192.0.2.1 is on our blocklist",
        "5.7.1 The domain shop.test has a bad reputation",
        "5.7.23 SPF validation failed",
        "5.7.20 no passing DKIM signature",
        "5.7.1 rejected by DMARC policy",
        "5.7.25 reverse DNS validation failed",
        "5.7.0 must issue a STARTTLS command first",
        "5.7.1 message content rejected as spam",
        "5.7.1 rate limit exceeded for this sender",
        "5.7.999 policy",
    ],
)
def test_what_names_our_side_is_the_senders_fault(provider: str | None, text: str) -> None:
    read = read_reply(550, text)
    reply = classify(provider, read.code, read.enhanced, read.text)
    assert (reply.fault, reply.kind) == (Fault.SENDER, ReplyKind.REJECT)


@pytest.mark.parametrize("provider", [*PROVIDERS, None])
@pytest.mark.parametrize(
    ("code", "enhanced", "kind"),
    [
        (550, "5.1.1", ReplyKind.REJECT),
        (550, "5.1.10", ReplyKind.REJECT),
        (452, "4.2.2", ReplyKind.DEFER),
        (552, "5.2.2", ReplyKind.REJECT),
        (450, "4.2.1", ReplyKind.DEFER),
    ],
)
def test_what_names_the_mailbox_is_the_seeds_fault(
    provider: str | None, code: int, enhanced: str, kind: ReplyKind
) -> None:
    reply = classify(provider, code, enhanced, "")
    assert (reply.fault, reply.kind) == (Fault.SEED, kind)


def test_gmails_450_421_means_that_this_seed_gets_mail_too_fast() -> None:
    reply = classify("gmail", 450, "4.2.1", "")
    assert reply.fault is Fault.SEED
    assert "faster" in reply.meaning
    assert "fewer" in reply.remedy


def test_yahoos_permanent_deferral_counts_as_a_refusal() -> None:
    assert classify("yahoo", 421, "4.7.1", "[TS03] deferred").kind is ReplyKind.REJECT
    assert classify("yahoo", 421, "4.7.0", "[TSS04] deferred").kind is ReplyKind.DEFER


@pytest.mark.parametrize("code", [530, 534, 535, 538, 432, 454])
def test_a_refused_login_is_neither_refusal_nor_deferral_of_mail(code: int) -> None:
    reply = classify(None, code, None, "Authentication failed")
    assert (reply.kind, reply.fault) == (ReplyKind.AUTH, Fault.SENDER)


@pytest.mark.parametrize("code", [250, 251])
def test_an_accepted_mail_is_nobodys_fault(code: int) -> None:
    reply = classify("gmail", code, "2.0.0", "OK, though spam is mentioned")
    assert (reply.kind, reply.fault) == (ReplyKind.ACCEPTED, Fault.NONE)


@pytest.mark.parametrize("code", [None, -1, 0, 199, 354, 600])
def test_no_complete_reply_is_the_networks_fault(code: int | None) -> None:
    assert classify("gmail", code, None, "Connection lost").fault is Fault.NETWORK


def test_one_providers_rows_say_nothing_about_another() -> None:
    assert classify("gmail", 421, "4.7.28", "").row == "gmail-unusual-rate"
    assert classify("fastmail", 421, "4.7.28", "").row == "policy"
    assert classify(None, 554, None, "delivery error: dd [-5]").row == "refused"


def test_an_ip_address_or_a_version_is_no_status() -> None:
    assert classify("plain", 550, None, "5.1.1.7 is refused by Exim 4.97.1").row == "refused-550"


@given(
    st.sampled_from([*PROVIDERS, None, "unheard-of"]),
    st.integers(400, 599),
    st.none() | st.from_regex(r"[45]\.\d{1,3}\.\d{1,3}", fullmatch=True),
    st.text(max_size=200),
)
def test_every_refusal_gets_an_answer(
    provider: str | None, code: int, enhanced: str | None, text: str
) -> None:
    reply = classify(provider, code, enhanced, text)
    assert reply.kind is not ReplyKind.ACCEPTED
    assert reply.fault is not Fault.NONE


@pytest.mark.parametrize("piece", ["550-", "5.1.", "5.7.1 ", "[", "a" * 99, "550 5."])
def test_a_hostile_reply_is_read_within_a_second(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.monotonic()
    read = read_reply(550, text)
    classify("gmail", 550, None, text)
    assert len(read.text) <= 1_000
    assert time.monotonic() - started < 1
