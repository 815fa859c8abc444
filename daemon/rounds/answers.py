"""Writes down what a route answered to a probe, and whose doing a refusal was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger import findings, probes
from daemon.ledger.judging import SUBMISSION
from daemon.rulings.settling import latency_s
from probes import replies
from probes.observation import Fault, Finding, Severity
from probes.submission import Outcome

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncConnection

    from probes.submission import Submission

IN_DOUBT = "The message was handed over whole and the route never answered: it may still arrive."


async def store(
    conn: AsyncConnection, probe: str, answer: Submission, provider: str, deadline: timedelta
) -> None:
    """Store the answer: submitted with its 250, or unsent with its reason and fault."""
    if answer.outcome is Outcome.ACCEPTED:
        await _store_accepted(conn, probe, answer, deadline)
    else:
        await _store_refused(conn, probe, answer, provider)


async def _store_accepted(
    conn: AsyncConnection, probe: str, answer: Submission, deadline: timedelta
) -> None:
    submitted = await probes.mark_submitted(
        conn,
        probe,
        at=answer.at,
        deadline_at=answer.at + deadline,
        code=answer.code or 250,
        enhanced=answer.enhanced,
        text=answer.text,
        tls_version=answer.tls.version if answer.tls else None,
        tls_cipher=answer.tls.cipher if answer.tls else None,
    )
    if not submitted:
        await _complete_early_sighting(conn, probe)


async def _complete_early_sighting(conn: AsyncConnection, probe: str) -> None:
    """The mailbox showed the probe before the answer was recorded: time it now."""
    row = await probes.get(conn, probe)
    seen = row and await probes.sightings_of(conn, probe)
    if not row or not seen:
        return
    latency = latency_s(row.submitted_at, row.received_at, row.sighted_at or seen[0].seen_at)
    if latency is not None:
        await probes.record_latency(conn, probe, latency)


async def _store_refused(
    conn: AsyncConnection, probe: str, answer: Submission, provider: str
) -> None:
    fault, finding = _verdict(answer, provider)
    await probes.mark_unsent(
        conn,
        probe,
        at=answer.at,
        code=answer.code,
        enhanced=answer.enhanced,
        text=answer.text,
        stage=answer.stage,
        fault=fault,
        reason=f"{finding.summary} {finding.remedy or ''}".strip(),
    )
    if row := await probes.get(conn, probe):
        about = {"shop": row.shop, "route": row.route, "seed": row.seed, "probe": probe}
        await findings.add(conn, at=answer.at, findings=[finding], **about)


def _verdict(answer: Submission, provider: str) -> tuple[Fault, Finding]:
    """Whose fault the refusal is, and the finding for people."""
    evidence = {"stage": answer.stage, "code": answer.code, "reply": answer.text}
    if answer.in_doubt:
        told = (answer.outcome, Severity.UNKNOWN, IN_DOUBT, evidence)
        return Fault.NETWORK, Finding(SUBMISSION, *told)
    reply = replies.classify(provider, answer.code, answer.enhanced, answer.text)
    summary = reply.meaning if answer.code else answer.text
    told = (answer.outcome, Severity.PROBLEM, summary, {**evidence, "row": reply.row})
    return reply.fault, Finding(SUBMISSION, *told, reply.remedy)
