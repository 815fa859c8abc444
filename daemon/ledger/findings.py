"""What the checks found: on probes, and on seeds and routes themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, RowMapping, func, select, true, update

from daemon.ledger import schema
from daemon.ledger.conflict import insert
from probes.observation import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_findings, _raws = schema.findings, schema.raws
_PARTS = tuple(part.name for part in fields(Finding))


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, what it is about, and when it was made. `shop` is "" for the operator's own."""

    id: int
    shop: str
    at: datetime
    probe: str | None
    seed: str | None
    route: str | None
    finding: Finding


async def add(
    conn: AsyncConnection,
    *,
    shop: str,
    at: datetime,
    findings: Iterable[Finding],
    probe: str | None = None,
    seed: str | None = None,
    route: str | None = None,
) -> None:
    """Store one run's findings about a probe, a seed or a route (name what is known).

    A probe counts as judged thereby (see `judging`), even if nothing was found.
    """
    about = {"shop": shop, "at": at, "probe": probe, "seed": seed, "route": route}
    for finding in findings:
        await conn.execute(insert(conn, _findings).values(**about, **asdict(finding)))
    if probe is not None:
        await conn.execute(update(_raws).where(_raws.c.probe == probe).values(judged_at=at))


async def of_probe(conn: AsyncConnection, probe: str) -> list[FindingRow]:
    """The last run of every check on a probe, in the order in which they were made."""
    return await _last_runs(conn, _findings.c.probe == probe)


async def of_probes(conn: AsyncConnection, probes: Iterable[str]) -> list[FindingRow]:
    """The last run of every check on every (shop, route, seed), of those on these probes."""
    return await _last_runs(conn, _findings.c.probe.in_(list(probes)))


async def latest(
    conn: AsyncConnection, since: datetime, *, shop: str | None = None
) -> list[FindingRow]:
    """The last run of every check on every (shop, route, seed), of those made since.

    `shop` None asks for everybody's.
    """
    own = true() if shop is None else _findings.c.shop == shop
    return await _last_runs(conn, _findings.c.at >= since, own)


async def _last_runs(conn: AsyncConnection, *chosen: ColumnElement[bool]) -> list[FindingRow]:
    subject = _findings.c.shop, _findings.c.route, _findings.c.seed, _findings.c.check
    # one run may find several things (one per DKIM signature); they share their time, and so rank
    age = func.rank().over(partition_by=subject, order_by=_findings.c.at.desc()).label("age")
    ranked = select(_findings.c.id, age).where(*chosen).subquery()
    ids = select(ranked.c.id).where(ranked.c.age == 1)
    query = select(_findings).where(_findings.c.id.in_(ids)).order_by(_findings.c.id)
    return [_row(row) for row in (await conn.execute(query)).mappings()]


async def statuses(conn: AsyncConnection, since: datetime) -> dict[str, dict[str, str]]:
    """Each probe's status by check, of what was found since; the last one where there are more."""
    columns = select(_findings.c.probe, _findings.c.check, _findings.c.status)
    found = columns.where(_findings.c.at >= since, _findings.c.probe.is_not(None))
    by_probe: dict[str, dict[str, str]] = {}
    for probe, check, status in await conn.execute(found.order_by(_findings.c.id)):
        by_probe.setdefault(probe, {})[check] = status
    return by_probe


def _row(row: RowMapping) -> FindingRow:
    finding = Finding(**{part: row[part] for part in _PARTS})
    whom = row["probe"], row["seed"], row["route"]
    return FindingRow(row["id"], row["shop"], row["at"], *whom, finding)
