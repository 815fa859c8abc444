"""All checks together, in this process and in the worker that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from probes.examination import Examiner, all_checks, diagnose, examine_all, specimen_of
from probes.observation import Severity, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import RECEIPT, Signer
from tests.probes.test_dkim import NOW
from tests.probes.test_received import POSTFIX, TEST, crlf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SHOP = Signer()
RAW = crlf(b"Return-Path: <orders@shop.test>\n" + POSTFIX) + SHOP.sign(RECEIPT)
GOOD = {
    "arc": "none",
    "authentication-results": "none",
    "dkim": "pass",
    "dmarc": "pass",
    "reverse-dns": "pass",
    "spf": "pass",
    "transport": "encrypted",
}


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add(SHOP.key_name, "TXT", SHOP.key_record)
        stub.add("shop.test", "TXT", "v=spf1 ip4:127.0.10.25 -all")
        stub.add("_dmarc.shop.test", "TXT", "v=DMARC1; p=reject")
        stub.add("25.10.0.127.in-addr.arpa", "PTR", "relay.shop.test")
        stub.add("relay.shop.test", "A", "127.0.10.25")
        yield stub


@pytest.fixture
async def examiner(stub: DnsStub) -> AsyncIterator[Examiner]:
    examiner = Examiner(["127.0.0.1"], stub.port, timeout_s=2.0)
    yield examiner
    await examiner.close()


def specimen(raw: bytes = RAW) -> Specimen:
    return Specimen(raw, NOW, TEST)


async def test_a_good_receipt_is_good_in_every_check(stub: DnsStub) -> None:
    findings = await examine_all(specimen(), stub.resolver())
    assert {finding.check: finding.status for finding in findings} == GOOD
    assert {finding.severity for finding in findings} == {Severity.OK}


async def test_the_checks_share_what_they_look_up_and_compute(stub: DnsStub) -> None:
    await examine_all(specimen(), stub.resolver())
    assert len(stub.questions) == len(set(stub.questions))


async def test_the_worker_finds_what_this_process_finds(stub: DnsStub, examiner: Examiner) -> None:
    assert await examiner.examine(specimen()) == await examine_all(specimen(), stub.resolver())


async def test_a_dead_name_server_leaves_findings_not_silence(stub: DnsStub) -> None:
    stub.silent |= {SHOP.key_name, "shop.test", "_dmarc.shop.test", "25.10.0.127.in-addr.arpa"}
    found = await examine_all(specimen(), stub.resolver(timeout_s=0.3))
    findings = {finding.check: finding for finding in found}
    for check in ("spf", "dkim", "dmarc", "reverse-dns"):
        assert (findings[check].status, findings[check].severity) == (
            "temperror",
            Severity.UNKNOWN,
        )
    assert findings["transport"].status == "encrypted"


async def test_many_jobs_at_once_are_answered_each_by_its_own(examiner: Examiner) -> None:
    good, plain = specimen(), specimen(RECEIPT)
    answers = await asyncio.gather(*(examiner.examine(s) for s in [good, plain] * 5))
    statuses = [{f.check: f.status for f in findings}["dkim"] for findings in answers]
    assert statuses == ["pass", "none"] * 5


async def test_over_its_budget_the_worker_is_killed_and_the_next_job_gets_a_new_one(
    stub: DnsStub,
) -> None:
    examiner = Examiner(["127.0.0.1"], stub.port, timeout_s=2.0, budget_s=0.3)
    try:
        await examiner.examine(specimen())
        slow = RAW + b"x \t y\r\n" * 4_000_000
        findings = await examiner.examine(specimen(slow))
        assert [finding.check for finding in findings] == [check.name for check in all_checks()]
        assert {finding.status for finding in findings} == {"not evaluable"}
        assert {finding.severity for finding in findings} == {Severity.UNKNOWN}
        assert "took longer than 0.3 s" in findings[0].summary
        again = await examiner.examine(specimen())
        assert {finding.check: finding.status for finding in again} == GOOD
    finally:
        await examiner.close()


async def test_a_worker_that_dies_is_a_finding_and_not_an_exception(
    stub: DnsStub, examiner: Examiner
) -> None:
    await examiner.examine(specimen())
    stub.silent.add(SHOP.key_name)
    job = asyncio.create_task(examiner.examine(specimen()))
    await asked(stub, SHOP.key_name, times=2)
    os.kill(worker_of(examiner), signal.SIGKILL)
    findings = await job
    assert {finding.status for finding in findings} == {"not evaluable"}
    assert "died" in findings[0].summary
    stub.silent.clear()
    again = await examiner.examine(specimen())
    assert {finding.check: finding.status for finding in again} == GOOD


async def test_a_cancelled_job_never_answers_for_the_next_one(
    stub: DnsStub, examiner: Examiner
) -> None:
    stub.silent.add(SHOP.key_name)
    job = asyncio.create_task(examiner.examine(specimen()))
    await asked(stub, SHOP.key_name, times=1)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    findings = await examiner.examine(specimen(RECEIPT))
    assert {f.check: f.status for f in findings}["dkim"] == "none"


async def test_the_worker_has_no_environment_of_ours_and_a_memory_limit(
    examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECEIPTWATCH_SECRET", "hush")
    await examiner.examine(specimen())
    process = Path(f"/proc/{worker_of(examiner)}")
    environment = (process / "environ").read_bytes()
    names = {entry.partition(b"=")[0] for entry in environment.split(b"\0") if entry}
    # The interpreter sets LC_CTYPE itself where the locale is C (PEP 538).
    assert names <= {b"PYTHONPATH", b"MALLOC_ARENA_MAX", b"LC_CTYPE"}
    limits = (process / "limits").read_text().splitlines()
    (limit,) = [line for line in limits if line.startswith("Max address")]
    assert limit.split()[3] == str(2 * 1024**3)


async def test_closing_ends_the_worker_and_closing_twice_does_no_harm(stub: DnsStub) -> None:
    examiner = Examiner(["127.0.0.1"], stub.port)
    await examiner.close()
    await examiner.examine(specimen())
    pid = worker_of(examiner)
    await examiner.close()
    await examiner.close()
    assert not psutil.pid_exists(pid)


async def test_a_file_is_diagnosed_as_of_its_arrival(stub: DnsStub) -> None:
    assert specimen_of(RAW, TEST, NOW).signed_at.isoformat() == "2026-11-21T10:00:02+00:00"
    assert specimen_of(RECEIPT, TEST, NOW).signed_at == NOW
    findings = await diagnose(RAW, stub.resolver(), TEST)
    assert {finding.check: finding.status for finding in findings} == GOOD


def worker_of(examiner: Examiner) -> int:
    assert examiner._worker.pid is not None
    return examiner._worker.pid


async def asked(stub: DnsStub, name: str, *, times: int) -> None:
    """Until the stub has been asked for `name` that many times; at most ten seconds."""
    async with asyncio.timeout(10):
        while [question for question, _ in stub.questions].count(name.lower()) < times:
            await asyncio.sleep(0.01)
