"""A probe's moves: each a conditional UPDATE, so that the first one wins and the rest are told.

Every `mark_…` returns whether it moved the row; False means that the row was no longer in a state
from which `PROBE` allows the move, and that nothing has changed.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from daemon.ledger import schema
from daemon.ledger.conflict import insert
from daemon.ledger.probes.places import store_raw, store_sighting
from daemon.ledger.states import SightingKind
from daemon.lifecycles.probe import PROBE, UNSETTLED, ProbeState
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.probes.rows import PlannedProbe
    from probes.observation import Fault, Sighting

_probes = schema.probes

DAY = timedelta(days=1)
_CAP = 0x52574350
"""PostgreSQL's class of advisory locks that are held while a seed's day is counted."""


async def plan(conn: AsyncConnection, planned: PlannedProbe, *, cap: int | None = None) -> bool:
    """Take the slot; False when somebody has it, or the seed has had `cap` probes in 24 hours.

    Commit before sending: only the taker sends.
    """
    if cap is not None and await _had(conn, planned) >= cap:
        return False
    taken = await conn.execute(
        insert(conn, _probes)
        .values(**asdict(planned), state=ProbeState.PLANNED, looks_done=0)
        .on_conflict_do_nothing(index_elements=["shop", "route", "seed", "slot"])
        .returning(_probes.c.id)
    )
    return taken.first() is not None


async def _had(conn: AsyncConnection, planned: PlannedProbe) -> int:
    """How many probes the seed has had in the day before; nobody adds one until the commit."""
    if conn.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        turn = func.pg_advisory_xact_lock(_CAP, func.hashtext(planned.seed))
        await conn.execute(select(turn))
    day = _probes.c.planned_at >= planned.planned_at - DAY
    counted = select(func.count()).where(_probes.c.seed == planned.seed, day)
    return int((await conn.execute(counted)).scalar_one())


async def mark_submitted(  # noqa: PLR0913 - the facts of one SMTP reply
    conn: AsyncConnection,
    probe: str,
    *,
    at: datetime,
    deadline_at: datetime,
    code: int,
    enhanced: str | None,
    text: str,
    tls_version: str | None,
    tls_cipher: str | None,
) -> bool:
    """The relay answered 250 at `at`.

    A quick provider's mailbox may show the probe before the relay's answer is recorded: then this
    returns False, the facts are stored all the same, and `record_latency` takes what follows.
    """
    facts = {
        "submitted_at": at,
        "deadline_at": deadline_at,
        "smtp_code": code,
        "smtp_enhanced": enhanced,
        "smtp_text": text,
        "tls_version": tls_version,
        "tls_cipher": tls_cipher,
    }
    if await _move(conn, probe, ProbeState.SUBMITTED, at, **facts):
        return True
    seen_already = _probes.c.state == ProbeState.SIGHTED, _probes.c.submitted_at.is_(None)
    await conn.execute(update(_probes).where(_probes.c.id == probe, *seen_already).values(**facts))
    return False


async def record_latency(conn: AsyncConnection, probe: str, latency_s: float) -> bool:
    """Complete a sighting that came before its submission was recorded."""
    untimed = _probes.c.state == ProbeState.SIGHTED, _probes.c.latency_s.is_(None)
    done = await conn.execute(
        update(_probes).where(_probes.c.id == probe, *untimed).values(latency_s=latency_s)
    )
    return done.rowcount == 1


async def mark_unsent(  # noqa: PLR0913 - the facts of one SMTP reply
    conn: AsyncConnection,
    probe: str,
    *,
    at: datetime,
    fault: Fault,
    reason: str,
    code: int | None = None,
    enhanced: str | None = None,
    text: str | None = None,
    stage: str | None = None,
) -> bool:
    """The relay refused it, or nobody knows whether it was sent (then there is no reply)."""
    facts = {"smtp_code": code, "smtp_enhanced": enhanced, "smtp_text": text, "smtp_stage": stage}
    return await _move(conn, probe, ProbeState.UNSENT, at, fault=fault, reason=reason, **facts)


async def mark_sighted(
    conn: AsyncConnection,
    sighting: Sighting,
    *,
    latency_s: float | None,
    next_look_at: datetime | None,
) -> bool:
    """Found for the first time: the place and the message are stored with the move."""
    facts = {
        "matched_by": sighting.matched_by,
        "sighted_at": sighting.seen_at,
        "received_at": sighting.received_at,
        "latency_s": latency_s,
        "first_placement": sighting.placement,
        "first_tab": sighting.tab,
        "placement": sighting.placement,
        "tab": sighting.tab,
        **asdict(sighting.location),
        "looked_at": sighting.seen_at,
        "next_look_at": next_look_at,
    }
    if not await _move(conn, sighting.probe, ProbeState.SIGHTED, sighting.seen_at, **facts):
        return False
    await store_sighting(conn, sighting, SightingKind.FIRST)
    await store_raw(conn, sighting)
    return True


async def mark_overdue(conn: AsyncConnection, probe: str, *, at: datetime) -> bool:
    """The mailbox was read after the deadline, and the probe was not in it."""
    return await _move(conn, probe, ProbeState.OVERDUE, at, placement=Placement.MISSING)


async def mark_unobserved(conn: AsyncConnection, probe: str, *, at: datetime) -> bool:
    """The mailbox could not be read up to the deadline."""
    return await _move(conn, probe, ProbeState.UNOBSERVED, at, placement=Placement.UNOBSERVED)


async def mark_lost(conn: AsyncConnection, probe: str, *, at: datetime) -> bool:
    """Given up."""
    return await _move(conn, probe, ProbeState.LOST, at, placement=Placement.MISSING)


async def mark_watched(conn: AsyncConnection, ids: Iterable[str], at: datetime) -> None:
    """The standings took note of these probes as they are now."""
    chosen = update(_probes).where(_probes.c.id.in_(list(ids)))
    await conn.execute(chosen.values(watched_at=at))


async def _move(
    conn: AsyncConnection, probe: str, new: ProbeState, at: datetime, **facts: object
) -> bool:
    moved = await conn.execute(
        update(_probes)
        .where(_probes.c.id == probe, _probes.c.state.in_(PROBE.sources(new)))
        .values(
            state=new,
            settled_at=None if new in UNSETTLED else at,
            watched_at=None,
            **facts,
        )
    )
    return moved.rowcount == 1
