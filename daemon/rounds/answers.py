"""Writes down what a route answered to a probe, and whose doing a refusal was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger import probes
from daemon.rulings.settling import latency_s
from probes import replies
from probes.observation import Fault
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
    fault, reason = _verdict(answer, provider)
    await probes.mark_unsent(
        conn,
        probe,
        at=answer.at,
        code=answer.code,
        enhanced=answer.enhanced,
        text=answer.text,
        stage=answer.stage,
        fault=fault,
        reason=reason,
    )


def _verdict(answer: Submission, provider: str) -> tuple[Fault, str]:
    """Whose fault, and the sentence for people."""
    if answer.in_doubt:
        return Fault.NETWORK, IN_DOUBT
    if answer.code is None:
        return Fault.NETWORK, answer.text
    reply = replies.classify(provider, answer.code, answer.enhanced, answer.text)
    return reply.fault, f"{reply.meaning} {reply.remedy}"
