"""Where probes were seen, and the messages that were found there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, select, update

from daemon.ledger import schema
from daemon.ledger.conflict import insert
from daemon.ledger.probes.rows import RawRow, SightingRow
from daemon.ledger.states import SightingKind
from daemon.lifecycles.probe import ProbeState
from probes.observation import Location

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from probes.observation import Placement, Sighting

_probes, _sightings, _raws = schema.probes, schema.sightings, schema.raws


async def record_again(conn: AsyncConnection, sighting: Sighting, kind: SightingKind) -> bool:
    """Record a further sighting; False when this very place is on record already."""
    return await store_sighting(conn, sighting, kind)


async def record_look(  # noqa: PLR0913 - the facts of one look
    conn: AsyncConnection,
    probe: str,
    *,
    placement: Placement,
    tab: str | None,
    location: Location | None,
    at: datetime,
    looks_done: int,
    next_look_at: datetime | None,
) -> bool:
    """Record where a sighted probe is now (`location` None: nowhere); True when it has moved.

    The first placement stays as it was.
    """
    before = await _place(conn, probe)
    if before is None:
        return False
    where = asdict(location) if location else dict.fromkeys(("folder", "uidvalidity", "uid"))
    facts = {"placement": placement, "tab": tab, **where}
    look = {"looked_at": at, "looks_done": looks_done, "next_look_at": next_look_at}
    await conn.execute(update(_probes).where(_probes.c.id == probe).values(**facts, **look))
    # a new UID in the same folder is no move: a server may renumber a folder at any time
    moved = any(facts[name] != old for name, old in before.items())
    if moved and location:
        seen = SightingRow(probe, SightingKind.MOVED, at, placement, tab, location, ())
        await _store(conn, seen)
    return moved


async def sightings_of(conn: AsyncConnection, probe: str) -> list[SightingRow]:
    """Every place where the probe was seen, in order."""
    found = select(_sightings).where(_sightings.c.probe == probe)
    rows = await conn.execute(found.order_by(_sightings.c.seen_at, _sightings.c.id))
    return [_sighting(row) for row in rows.mappings()]


async def raw_of(conn: AsyncConnection, probe: str) -> RawRow | None:
    """The message as it was first found; None before that, and once it was forgotten."""
    columns = select(_raws.c.raw, _raws.c.size, _raws.c.truncated, _raws.c.stored_at)
    row = (await conn.execute(columns.where(_raws.c.probe == probe))).one_or_none()
    return None if row is None else RawRow(*row)


async def store_sighting(conn: AsyncConnection, sighting: Sighting, kind: SightingKind) -> bool:
    """Insert a sighting; False when this very place is on record already."""
    row = SightingRow(
        sighting.probe,
        kind,
        sighting.seen_at,
        sighting.placement,
        sighting.tab,
        sighting.location,
        sighting.explanation,
    )
    return await _store(conn, row)


async def store_raw(conn: AsyncConnection, sighting: Sighting) -> None:
    """Insert the message."""
    message = {"raw": sighting.raw, "size": sighting.size, "truncated": sighting.truncated}
    await conn.execute(
        insert(conn, _raws).values(probe=sighting.probe, stored_at=sighting.seen_at, **message)
    )


async def _store(conn: AsyncConnection, row: SightingRow) -> bool:
    stored = await conn.execute(
        insert(conn, _sightings)
        .values(
            probe=row.probe,
            kind=row.kind,
            seen_at=row.seen_at,
            placement=row.placement,
            tab=row.tab or "",
            explanation=row.explanation,
            **asdict(row.location),
        )
        .on_conflict_do_nothing()
        .returning(_sightings.c.id)
    )
    return stored.first() is not None


async def _place(conn: AsyncConnection, probe: str) -> dict[str, Any] | None:
    """Where a sighted probe was last; None for any other. Locked until the transaction ends."""
    sighted = _probes.c.id == probe, _probes.c.state == ProbeState.SIGHTED
    columns = select(_probes.c.placement, _probes.c.tab, _probes.c.folder)
    rows = await conn.execute(columns.where(*sighted).with_for_update())
    return next((dict(row) for row in rows.mappings()), None)


def _sighting(row: RowMapping) -> SightingRow:
    return SightingRow(
        row["probe"],
        row["kind"],
        row["seen_at"],
        row["placement"],
        row["tab"] or None,
        Location(row["folder"], row["uidvalidity"], row["uid"]),
        tuple(row["explanation"]),
    )
