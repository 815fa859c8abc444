"""How results look in a terminal: every mark has its word, colour never stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from daemon.lifecycles.probe import ProbeState
from daemon.rulings.overview import WORDS
from probes.observation import Placement, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.ledger.probes import ProbeRow
    from daemon.rounds.full_round import Result

MARKS = {
    Placement.INBOX: "[green]✓ inbox[/]",
    Placement.TAB: "[green]✓ inbox[/]",
    Placement.SPAM: "[red]! spam[/]",
    Placement.OTHER: "[yellow]→ other folder[/]",
    Placement.MISSING: "[red]✗ missing[/]",
    Placement.UNOBSERVED: "[dim]? not observed[/]",
}
STATES = {
    ProbeState.PLANNED: "[dim]… being sent[/]",
    ProbeState.SUBMITTED: "[dim]… on its way[/]",
    ProbeState.UNSENT: "[red]✗ not sent[/]",
}
AUTHENTICATION = ("spf", "dkim", "dmarc")


def results_table(results: Iterable[Result], title: str) -> Table:
    """One line a probe: where it is, how long it took, what the checks say."""
    table = Table(title=title, title_justify="left")
    for heading in ("route", "inbox", "where", "took", *AUTHENTICATION, "said"):
        table.add_column(heading, overflow="fold")
    for result in results:
        statuses = [_statuses(result, check) for check in AUTHENTICATION]
        table.add_row(
            _route(result.row),
            result.row.seed,
            placed(result.row),
            took(result.row),
            *statuses,
            escape(said(result)),
        )
    return table


def placed(row: ProbeRow) -> str:
    """The placement with its mark; the tab's name where there is one."""
    if row.placement is None:
        return STATES.get(row.state, f"[dim]{row.state}[/]")
    return MARKS[row.placement] + (f" ({row.tab})" if row.tab else "")


def took(row: ProbeRow) -> str:
    """Seconds on the way."""
    return "" if row.latency_s is None else f"{row.latency_s:.0f} s"


def said(result: Result) -> str:
    """Why a probe was not sent or not observed, else the first problem that was found."""
    if reason := result.row.reason or result.unread:
        return reason
    problems = [f.finding for f in result.findings if f.finding.severity is Severity.PROBLEM]
    return f"{problems[0].summary} {problems[0].remedy or ''}".strip() if problems else ""


def result_json(result: Result) -> dict[str, Any]:
    """One probe as a JSON object."""
    row = result.row
    return {
        "probe": row.id,
        "shop": row.shop,
        "route": row.route,
        "role": row.role,
        "provider": row.provider,
        "seed": row.seed,
        "state": row.state,
        "placement": row.placement,
        "said": WORDS[row.placement] if row.placement else None,
        "tab": row.tab,
        "latency_s": row.latency_s,
        "smtp": {"code": row.smtp_code, "enhanced": row.smtp_enhanced, "text": row.smtp_text},
        "fault": row.fault,
        "reason": row.reason or result.unread,
        "findings": [found.finding.as_json() for found in result.findings],
    }


def _route(row: ProbeRow) -> str:
    return f"{row.shop}/{row.route}" if row.shop else f"{row.route} (yours)"


def _statuses(result: Result, check: str) -> str:
    words = [f.finding for f in result.findings if f.finding.check == check]
    colours = {Severity.OK: "green", Severity.PROBLEM: "red", Severity.NOTICE: "yellow"}
    return " ".join(f"[{colours.get(w.severity, 'dim')}]{w.status}[/]" for w in words)
