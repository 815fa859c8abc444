"""Writes what the watch says into the ledger: incidents by their lifecycle, faults of seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.ledger import findings, incidents
from daemon.ledger.incidents import IncidentRow
from daemon.lifecycles.incident import IncidentState
from daemon.rounds.parties import OPERATOR
from daemon.rulings.incidents import Happening
from daemon.rulings.observations import Verdict
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.metrics import Metrics
    from daemon.rulings.incidents import Event
    from daemon.rulings.lanes import Lane, LaneKey
    from daemon.rulings.observations import Observation


def owned(
    events: Iterable[Event], lanes: Mapping[LaneKey, Lane], shops: Sequence[str]
) -> list[Event]:
    """The events that are to be told, each once and to whom they belong.

    What the control route saw was fed to the watch once for every shop: its own incidents are the
    operator's, told once. A seed's fault is the operator's whoever's probe brought it to light.
    """
    told = []
    for event in events:
        if event.event is Happening.SEED_FAULT:
            told.append(replace(event, shop=OPERATOR))
        elif not lanes[event.shop, event.route, event.provider].control:
            told.append(event)
        elif event.shop == shops[0]:
            told.append(replace(event, shop=OPERATOR))
    return told


async def store(conn: AsyncConnection, event: Event, now: datetime) -> None:
    """Store what one event says."""
    if event.event is Happening.SEED_FAULT:
        await _store_seed_fault(conn, event, now)
    elif event.event is Happening.OPENED:
        row = incident_row(event, now)
        if not await incidents.open_(conn, row):
            await incidents.reopen(conn, row)
    elif event.event is Happening.CAUSE:
        await incidents.describe(conn, incident_row(event, now))
    else:
        await incidents.mark_recovering(conn, event.incident, at=event.at)
        await incidents.mark_resolved(conn, event.incident, at=event.at)


def incident_row(event: Event, now: datetime) -> IncidentRow:
    """A new incident as the event tells of it."""
    return IncidentRow(
        id=event.incident,
        shop=event.shop,
        route=event.route,
        provider=event.provider,
        seed=event.seed,
        state=IncidentState.OPEN,
        cause=event.cause,
        probability=event.probability,
        why=event.why,
        facts=event.facts,
        evidence=event.probes,
        opened_at=event.at,
        changed_at=now,
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        episode=1,
    )


async def _store_seed_fault(conn: AsyncConnection, event: Event, now: datetime) -> None:
    """An incident of the operator's, one at a time for each seed, and a finding on the seed."""
    if await _of_seed(conn, event.seed):
        return
    await incidents.open_(conn, incident_row(event, now))
    fault = str(event.facts.get("fault", "at fault"))
    told = Finding("seed", fault, Severity.PROBLEM, event.why, {"probes": list(event.probes)})
    await findings.add(conn, shop=OPERATOR, at=now, seed=event.seed, findings=[told])


async def close_seed_faults(conn: AsyncConnection, seen: Observation) -> None:
    """A receipt that a seed shows where it belongs ends the fault that it was thought to have."""
    if seen.verdict in {Verdict.INBOX, Verdict.TAB}:
        for row in await _of_seed(conn, seen.seed):
            await incidents.mark_recovering(conn, row.id, at=seen.at)
            await incidents.mark_resolved(conn, row.id, at=seen.at)


async def _of_seed(conn: AsyncConnection, seed: str | None) -> list[IncidentRow]:
    lasting = await incidents.current(conn, shop=OPERATOR)
    return [row for row in lasting if seed is not None and row.seed == seed]


def count(metrics: Metrics, event: Event) -> None:
    """Tell the metrics, once the transaction is through."""
    if event.event is Happening.SEED_FAULT:
        metrics.seed_faults.labels(event.seed or "").inc()
        return
    if event.event is Happening.OPENED:
        metrics.incidents.labels(event.shop, event.cause).inc()
    lasting = event.event is not Happening.CLOSED
    for cause in type(event.cause):
        open_ = lasting and cause is event.cause
        lane = (event.shop, event.route, event.provider)
        metrics.incident_open.labels(*lane, cause).set(int(open_))
