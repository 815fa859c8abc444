"""Bounces written to hang, crash or fool their reader: a clear answer within a second."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from daemon.intake.bounces.reader import BounceReader
from daemon.intake.bounces.reading import read_bounce
from daemon.intake.bounces.verdict import Bounce, NoBounce, NoBounceKind
from tests.daemon.intake.bounces.corpus import OTHERS, OURS, TRUTHS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WITHIN_S = 1.0
SMALL_MB = 60

HEAD = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example (Mail Delivery System)\r\n"
    b"To: bounces@shop.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
    b"MIME-Version: 1.0\r\n"
)
REPORT = HEAD + b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
STATUS = (
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
)
ONE = b"Final-Recipient: rfc822; kim@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
TEXT = HEAD + b"\r\nYour message could not be delivered.\r\n\r\n"


def nested(kind: bytes, depth: int) -> bytes:
    if kind == b"message/rfc822":
        return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"hello\r\n"
    opening = b"".join(
        b'Content-Type: %s; boundary="%d"\r\n\r\n--%d\r\n' % (kind, n, n) for n in range(depth)
    )
    return HEAD + opening + b"\r\nhello\r\n"


MESSAGES = {
    # row 22
    "1,000 nested multiparts": nested(b"multipart/mixed", 1000),
    "1,000 nested reports": nested(b"multipart/report; report-type=delivery-status", 1000),
    "1,000 nested messages": nested(b"message/rfc822", 1000),
    # row 23
    "To: with 16 KB of quotes": HEAD.replace(b"To: ", b"To: " + b'"' * 16_000) + b"\r\nfailed\r\n",
    "500 open comments": HEAD.replace(b"From: ", b"From: " + b"(" * 500) + b"\r\nfailed\r\n",
    "16,000 recipients": REPORT + STATUS + (ONE + b"\r\n") * 16_000 + b"--b--\r\n",
    "16,000 addresses in the text": TEXT + b"<kim@customer.example>:\r\n" * 16_000,
    "218 KB of encoded words": b"Subject: " + b"=?utf-8?B?YWJj?= " * 13_000 + b"\r\n" + HEAD,
    "15 KB of encoded words": HEAD.replace(b"Subject: ", b"Subject: " + b"=?utf-8?B?YQ==?= " * 900),
    # row 25
    "10,000 parts": REPORT + b"--b\r\n\r\nx\r\n" * 10_000,
    # row 33
    "DTD of entities": HEAD + b"Content-Type: text/html\r\n\r\n<!DOCTYPE x [<!ENTITY a '"
    + b"&a;" * 300_000 + b"'>]><p>could not be delivered &a; kim@customer.example",
    "RTF": HEAD + b"Content-Type: application/rtf\r\n\r\n{\\rtf1 " + b"{" * 500_000,
    "24 MB of text": TEXT + b"could not be delivered to you " * 800_000,
    "one line of 24 MB": TEXT + b"x" * 24_000_000,
    "24 MB of carriage returns": TEXT + b"\r" * 24_000_000,
    "carriage returns only": (REPORT + STATUS + ONE + b"\r\n--b--\r\n").replace(b"\r\n", b"\r"),
    "64 KB before an at sign": TEXT + b"a" * 64_000 + b"@customer.example\r\n",
    "64 KB of at signs": TEXT + b"a@" * 32_000 + b"\r\n",
    "64 KB of dots and at signs": TEXT + b"a@b." * 16_000 + b"\r\n",
    "64 KB of open brackets": TEXT + b"<" * 64_000,
    "16,000 header lines that are none": TEXT + b"X: y\r\n" * 16_000,
    "64 KB of header lines": TEXT + b"Received: x\r\n" * 5_000,
    "a diagnostic of 60 KB": REPORT + STATUS + ONE + b"Diagnostic-Code: " + b"5.1.1 " * 10_000,
    "folds of 60 KB": REPORT + STATUS + ONE + b"Diagnostic-Code: x\r\n" + b" y\r\n" * 15_000,
    "half of each phrase": TEXT + b"deliver could not be will not add to my click link " * 900,
    "spaces in the text": TEXT + b" " * 64_000 + b"x",
    "HTML of open tags": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<a href=" * 8_000,
    "base64 that is none": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 64_000,
    "a charset that is a codec": HEAD
    + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" * 30_000,
    "NUL and 8-bit everywhere": (REPORT + STATUS + ONE).replace(b" ", b"\x00\xff"),
    "80,000 header fields": b"X: y\r\n" * 80_000 + HEAD,
    "one field of 1 MB": b"X: " + b"y" * 1_000_000 + b"\r\n" + HEAD,
    "a report of nothing": REPORT + b"--b\r\nContent-Type: message/feedback-report\r\n\r\n\r\n",
    "nothing": b"",
    "no header": b"\r\n\r\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def warm() -> None:
    """Tables are read before the clock runs."""
    for truth in TRUTHS[:20]:
        truth.read()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_bounce_gets_a_clear_answer_within_a_second(name: str, warm: None) -> None:
    del warm
    started = time.monotonic()
    read = read_bounce(MESSAGES[name], ours=OURS)
    assert time.monotonic() - started < WITHIN_S
    if isinstance(read, Bounce):
        assert 1 <= len(read.recipients) <= 100
        assert all(len(one.text) <= 1000 and one.text.isprintable() for one in read.recipients)
    else:
        assert read.why.endswith(".")


def test_what_is_nested_or_parted_beyond_the_caps_is_unreadable() -> None:
    for name in ("1,000 nested multiparts", "10,000 parts", "80,000 header fields"):
        assert read_bounce(MESSAGES[name], ours=OURS).kind is NoBounceKind.UNREADABLE


def test_a_bounce_of_carriage_returns_is_read_like_any_other() -> None:
    read = read_bounce(MESSAGES["carriage returns only"], ours=OURS)
    assert isinstance(read, Bounce)
    assert read.recipients[0].address == "kim@customer.example"
    assert (read.recipients[0].status, read.recipients[0].hard) == ("5.1.1", True)


def test_no_answer_or_list_mail_is_a_bounce_even_at_a_signed_return_path() -> None:
    for truth in OTHERS:
        raw = truth.raw.replace(b"orders@shop.example", b"bounces+0abc@shop.example")
        assert isinstance(read_bounce(raw, ours=OURS), NoBounce), truth.sample


def test_hostile_bounces_need_little_memory() -> None:
    """Each 24 MB message and every shape of text, in a process of its own that is measured."""
    program = (
        "import resource\n"
        "from tests.hostile.test_hostile_bounces import MESSAGES, OURS, read_bounce\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak()\n"
        "for raw in MESSAGES.values(): read_bounce(raw, ours=OURS)\n"
        "print(peak() - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert float(ran.stdout) < SMALL_MB


@pytest.fixture
async def reader() -> AsyncIterator[BounceReader]:
    reader = BounceReader()
    yield reader
    await reader.close()


async def test_the_child_answers_what_this_process_answers(reader: BounceReader) -> None:
    for truth in TRUTHS[::8]:
        assert await reader.read(truth.raw, OURS) == truth.read(), truth.sample
    for name in ("24 MB of text", "1,000 nested multiparts", "16,000 recipients"):
        started = time.monotonic()
        assert await reader.read(MESSAGES[name], OURS) == read_bounce(MESSAGES[name], ours=OURS)
        assert time.monotonic() - started < WITHIN_S


async def test_over_its_budget_the_child_is_killed_and_the_next_bounce_is_read() -> None:
    good = next(truth for truth in TRUTHS if truth.is_bounce)
    reader = BounceReader(budget_s=2.0)
    try:
        assert await reader.read(good.raw, OURS) == good.read()
        stuck = reader._worker.pid
        assert stuck is not None
        os.kill(stuck, signal.SIGSTOP)
        lost = await reader.read(good.raw, OURS)
        assert lost == NoBounce(NoBounceKind.UNREADABLE, "Reading it took longer than 2 s.")
        assert not psutil.pid_exists(stuck)
        assert await reader.read(good.raw, OURS) == good.read()
    finally:
        await reader.close()


async def test_a_child_that_dies_costs_one_bounce_and_no_exception(reader: BounceReader) -> None:
    good = next(truth for truth in TRUTHS if truth.is_bounce)
    await reader.read(good.raw, OURS)
    assert reader._worker.pid is not None
    os.kill(reader._worker.pid, signal.SIGSTOP)
    job = asyncio.create_task(reader.read(good.raw, OURS))
    await asyncio.sleep(0)
    os.kill(reader._worker.pid, signal.SIGKILL)
    lost = await job
    assert isinstance(lost, NoBounce)
    assert lost.kind is NoBounceKind.UNREADABLE
    assert "died" in lost.why
    assert await reader.read(good.raw, OURS) == good.read()
