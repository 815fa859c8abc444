"""From a probe's row to what the watch reads; the control route is everybody's witness."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.lifecycles.probe import ProbeState
from daemon.rounds.parties import OPERATOR
from daemon.rulings.observations import Observation, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from daemon.ledger.probes import ProbeRow

STATES = {
    ProbeState.OVERDUE: Verdict.MISSING,
    ProbeState.LOST: Verdict.MISSING,
    ProbeState.UNOBSERVED: Verdict.UNOBSERVED,
    ProbeState.UNSENT: Verdict.UNSENT,
}


def observation(row: ProbeRow, statuses: Mapping[str, str]) -> Observation:
    """What is known of a settled probe; `statuses` are its findings' by check.

    Its first placement speaks for the route: where it was moved to later is another story.
    """
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


def history(row: ProbeRow, statuses: Mapping[str, str]) -> list[Observation]:
    """All that was known of a probe as time went by: one that came late was missing before."""
    if row.state in {ProbeState.PLANNED, ProbeState.SUBMITTED}:
        return []
    final = observation(row, statuses)
    late = final.verdict is not Verdict.UNSENT and final.at > row.deadline_at
    if row.state is not ProbeState.SIGHTED or not late:
        return [final]
    unseen = {"tab": None, "latency_s": None, "spf": None, "dkim": None, "dmarc": None}
    missing = replace(final, at=row.deadline_at, verdict=Verdict.MISSING, **unseen)  # type: ignore[arg-type] # None fits each
    return [missing, final]


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
