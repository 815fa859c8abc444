"""Forgets what is older than the operator wants to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete

from daemon.ledger.schema import findings, probes, raws

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows were deleted: messages, probes, and findings on seeds and routes."""

    raws: int
    probes: int
    findings: int


async def forget(
    conn: AsyncConnection, *, raws_before: datetime, probes_before: datetime
) -> Forgotten:
    """Delete messages stored, and probes planned, before; a probe takes all that is its own along.

    Findings on a seed or a route itself are kept as long as probes.
    """
    old_raws = await conn.execute(delete(raws).where(raws.c.stored_at < raws_before))
    old_probes = await conn.execute(delete(probes).where(probes.c.planned_at < probes_before))
    lone = findings.c.probe.is_(None), findings.c.at < probes_before
    old_findings = await conn.execute(delete(findings).where(*lone))
    return Forgotten(old_raws.rowcount, old_probes.rowcount, old_findings.rowcount)
