"""From a probe's row to what the watch reads; the control route is everybody's witness."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.lifecycles.probe import ProbeState
from daemon.rounds.parties import OPERATOR
from daemon.rulings.observations import Observation, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from daemon.ledger.findings import FindingRow
    from daemon.ledger.probes import ProbeRow

STATES = {
    ProbeState.OVERDUE: Verdict.MISSING,
    ProbeState.LOST: Verdict.MISSING,
    ProbeState.UNOBSERVED: Verdict.UNOBSERVED,
    ProbeState.UNSENT: Verdict.UNSENT,
}


def observation(row: ProbeRow, found: Iterable[FindingRow]) -> Observation:
    """What is known of a settled probe.

    Its first placement speaks for the route: where it was moved to later is another story.
    """
    statuses = {f.finding.check: f.finding.status for f in found}
    return Observation(
        at=_known_at(row),
        probe=row.id,
        sent_at=row.submitted_at or row.planned_at,
        shop=row.shop,
        route=row.route,
        provider=row.provider,
        seed=row.seed,
        template=row.template,
        verdict=_verdict(row),
        tab=row.first_tab,
        latency_s=row.latency_s,
        spf=statuses.get("spf"),
        dkim=statuses.get("dkim"),
        dmarc=statuses.get("dmarc"),
        smtp=row.smtp_text,
        role=row.role,
    )


def for_each_shop(seen: Observation, shops: Iterable[str]) -> Iterator[Observation]:
    """The observation; one by the operator's control route, once for every shop."""
    if seen.shop != OPERATOR:
        yield seen
        return
    for shop in shops:
        yield replace(seen, shop=shop)


def _verdict(row: ProbeRow) -> Verdict:
    if row.state is ProbeState.SIGHTED and row.first_placement:
        return Verdict(row.first_placement)
    return STATES[row.state]


def _known_at(row: ProbeRow) -> datetime:
    if row.state is ProbeState.SIGHTED and row.sighted_at:
        return row.sighted_at
    return row.settled_at or row.deadline_at
