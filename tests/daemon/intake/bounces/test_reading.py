"""The fine points of reading a bounce, one by one."""

from __future__ import annotations

import json

import pytest

from daemon.intake.bounces.reading import read_bounce
from daemon.intake.bounces.reasons import Said, cause_of
from daemon.intake.bounces.verdict import (
    Bounce,
    BounceKind,
    Failure,
    NoBounce,
    NoBounceKind,
    Reason,
    from_json,
)
from probes.observation import Fault
from probes.replies import _table
from tests.daemon.intake.bounces.corpus import OURS, TRUTHS

HEAD = """\
From: MAILER-DAEMON@mx.relay.example (Mail Delivery System)
To: bounces@shop.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
"""


def report(*fields: str, text: str = "It could not be delivered.") -> bytes:
    block = "\n".join(fields)
    return (
        f'{HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{text}\n\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n{block}\n--b--\n"
    ).encode()


def bounce(raw: bytes, mail_from: str = "") -> Bounce:
    read = read_bounce(raw, ours=OURS, mail_from=mail_from)
    assert isinstance(read, Bounce), read
    return read


def failure(raw: bytes) -> Failure:
    (one,) = bounce(raw).recipients
    return one


FINAL = "Final-Recipient: rfc822; kim@customer.example"
FAILED = "Action: failed"


def test_what_a_report_says_is_kept_whole() -> None:
    raw = report(
        FINAL,
        FAILED,
        "Status: 5.1.1",
        "Remote-MTA: dns; mail.customer.example",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user here",
    )
    assert failure(raw) == Failure(
        "kim@customer.example",
        5,
        "5.1.1",
        550,
        Reason.USER_UNKNOWN,
        hard=True,
        fault=Fault.SEED,
        text="550 5.1.1 no such user here",
        remote_mta="mail.customer.example",
    )
    assert (bounce(raw).kind, bounce(raw).textual) == (BounceKind.BOUNCE, False)


@pytest.mark.parametrize(
    ("original", "final", "expected"),
    [
        ("kim@customer.example", "kim.k@isp.example", "kim@customer.example"),
        ("kim+2Borders@customer.example", "kim@customer.example", "kim+orders@customer.example"),
        ("kim+AB12@customer.example", "kim+AB12@customer.example", "kim+AB12@customer.example"),
        ("unknown", "<kim@customer.example>", "kim@customer.example"),
    ],
)
def test_the_address_is_the_one_that_we_wrote_to(original: str, final: str, expected: str) -> None:
    fields = (f"Original-Recipient: rfc822;{original}", f"Final-Recipient: rfc822; {final}")
    assert failure(report(*fields, FAILED, "Status: 5.1.1")).address == expected


def test_a_host_that_cannot_be_found_just_now_is_not_hard() -> None:
    raw = report(FINAL, FAILED, "Status: 4.4.3", "Diagnostic-Code: x; Host not found")
    one = failure(raw)
    assert (one.reason, one.severity, one.hard) == (Reason.HOST_UNKNOWN, 4, False)


def test_the_remote_servers_status_counts_more_than_a_vague_one() -> None:
    raw = report(FINAL, FAILED, "Status: 5.0.0", "Diagnostic-Code: smtp; 452 4.2.2 over quota")
    one = failure(raw)
    assert (one.status, one.severity, one.reason) == ("4.2.2", 4, Reason.MAILBOX_FULL)


def test_every_recipient_of_a_report_has_its_own_verdict_and_successes_have_none() -> None:
    raw = report(
        FINAL,
        FAILED,
        "Status: 5.1.1\n",
        "Final-Recipient: rfc822; lee@customer.example",
        "Action: delivered",
        "Status: 2.0.0\n",
        "Final-Recipient: rfc822; ada@customer.example",
        "Action: delayed",
        "Status: 4.4.1\n",
        "Final-Recipient: rfc822; bob@customer.example",
        FAILED,
        "Status: 5.2.2",
    )
    read = bounce(raw)
    assert [(one.address, one.reason) for one in read.recipients] == [
        ("kim@customer.example", Reason.USER_UNKNOWN),
        ("bob@customer.example", Reason.MAILBOX_FULL),
    ]


def test_our_own_addresses_never_failed_signed_return_paths_included() -> None:
    text = (
        "<orders@shop.example>: 550 bad sender\n"
        "<Orders+0ABC@shop.example>: 550 bad sender\n"
        "<kim@customer.example>: 550 no such user\n"
    )
    raw = f"{HEAD}\n{text}".encode()
    assert [one.address for one in bounce(raw).recipients] == ["kim@customer.example"]


def test_a_text_needs_the_null_return_path_or_a_mail_systems_name() -> None:
    raw = HEAD.replace("MAILER-DAEMON@mx", "kim@mx").encode()
    raw += b"\n<kim@customer.example>: 550 no such user\n"
    assert bounce(raw).textual
    assert bounce(raw, "postmaster@mx.relay.example").textual
    read = read_bounce(raw, ours=OURS, mail_from="kim@mx.relay.example")
    assert read == NoBounce(NoBounceKind.ORDINARY, "It comes from somebody's address.")


def test_words_are_one_printable_line_of_at_most_1000_characters() -> None:
    raw = report(FINAL, FAILED, "Status: 5.1.1", f"Diagnostic-Code: x; a\x1b[2J\x00{'b' * 3000}")
    words = failure(raw).text
    assert len(words) == 1000
    assert words.isprintable()


def test_a_report_broken_by_empty_lines_is_put_together() -> None:
    raw = report(FINAL, "", FAILED, "Status: 5.2.2")
    assert (failure(raw).address, failure(raw).reason) == (
        "kim@customer.example",
        Reason.MAILBOX_FULL,
    )


def test_every_verdict_survives_the_way_to_another_process() -> None:
    for truth in TRUTHS:
        read = truth.read()
        assert from_json(json.loads(json.dumps(read.as_json()))) == read


def test_words_count_only_where_a_word_begins_and_host_names_are_none() -> None:
    assert cause_of(Said(None, None, "the marble was unbanned")).reason is Reason.UNKNOWN
    words = "host spam.filter.blocked.example said: try again later"
    assert cause_of(Said(451, None, words)).reason is Reason.SYSTEM_ERROR


UNTOLD = {"yahoo-busy", "refused-550", "refused", "not-available", "deferred"}


def test_every_reply_that_is_known_has_a_reason() -> None:
    """Rows of probes/smtp_replies.tsv that say why: each gives one, in a quoted reply too."""
    rows = {row.id: row for row in _table() if row.enhanced and not row.words}
    untold = set()
    for name, row in rows.items():
        status = min(row.enhanced)
        code = int(next((c for c in row.codes if len(c) == 3), f"{status[0]}50"))
        host = {"gmail": "google.com", "outlook": "outlook.com"}.get(min(row.providers), "")
        if cause_of(Said(code, status, "", host)).reason is Reason.UNKNOWN:
            untold.add(name)
    assert untold <= UNTOLD
    assert len(rows) >= 30
