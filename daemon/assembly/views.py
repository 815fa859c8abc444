"""What the ledger says, in the shape that people and scrapes ask for."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from daemon.console.pages import Status
from daemon.ledger import backlog, findings, incidents, mailboxes, probes
from daemon.ledger.states import MailboxState
from daemon.mail_metrics import WAITING
from daemon.metrics import CAUSES, MAIL_CAUSES
from daemon.rulings.overview import STRIP, Outcome, lanes
from probes.observation import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.assembly.engine import Engine
    from daemon.ledger.backlog import RouteBacklog, Stuck
    from daemon.ledger.findings import FindingRow
    from daemon.ledger.incidents import IncidentRow
    from daemon.ledger.mailboxes import MailboxRow
    from daemon.ledger.probes import ProbeRow

SHOWN_FOR = timedelta(days=30)
"""How far back the last thirty probes of a route are looked for."""


def outcome(row: ProbeRow) -> Outcome:
    """A probe's row as the overview needs it."""
    return Outcome(
        probe=row.id,
        shop=row.shop,
        route=row.route,
        role=row.role,
        provider=row.provider,
        seed=row.seed,
        state=row.state,
        placement=row.placement,
        tab=row.tab,
        planned_at=row.planned_at,
        latency_s=row.latency_s,
    )


async def status(engine: Engine) -> Status:
    """The status page's content at this instant."""
    now = engine.around.clock.now()
    async with engine.around.ledger.read() as conn:
        rows = await probes.newest(conn, shop=None, since=now - SHOWN_FOR, depth=STRIP)
        boxes = await mailboxes.all(conn)
        found = await findings.latest(conn, now - timedelta(hours=24))
        standing = await incidents.current(conn)
    return Status(
        at=now,
        lanes=lanes(outcome(row) for row in rows),
        mailboxes=[_mailbox(row) for row in boxes if row.seed in engine.readers],
        problems=[_problem(row) for row in found if row.finding.severity is Severity.PROBLEM],
        incidents=[_incident(row) for row in standing],
    )


async def refresh(engine: Engine) -> None:
    """Bring the gauges that stand in the ledger up to date, for a scrape."""
    providers = {seed.name: seed.provider for seed in engine.seeds}
    async with engine.around.ledger.read() as conn:
        boxes = await mailboxes.all(conn)
        waiting = await probes.open_by_provider(conn)
        lasting = await incidents.current(conn)
        routes, stuck = await backlog.by_route(conn), await backlog.stuck(conn)
    _gauge_incidents(engine, lasting)
    _gauge_mail(engine, routes, stuck)
    for provider in set(providers.values()):
        engine.around.metrics.open_probes.labels(provider).set(waiting.get(provider, 0))
    for row in boxes:
        if row.seed in providers:
            _gauge_mailbox(engine, row, providers[row.seed])


async def last_settled(engine: Engine, target: str) -> Outcome | None:
    """The last settled probe of "shop/route/provider" or "shop/route/seed" ("" is the operator).

    Raises LookupError when the settings know no such target.
    """
    known = {
        f"{pair.shop}/{pair.route}/{place}"
        for pair in engine.pairs
        for place in (pair.seed, engine.readers[pair.seed].seed.provider)
    }
    if target not in known:
        raise LookupError(f"No such target. Known: {', '.join(sorted(known))}")
    shop, route, place = target.split("/")
    async with engine.around.ledger.read() as conn:
        since = engine.around.clock.now() - SHOWN_FOR
        rows = await probes.newest(conn, shop=shop, since=since, depth=STRIP)
    settled = (
        outcome(row) for row in rows if row.route == route and place in {row.seed, row.provider}
    )
    return next((o for o in settled if o.fate), None)


def _gauge_incidents(engine: Engine, lasting: Iterable[IncidentRow]) -> None:
    """Anew for each scrape: another process, or a person, may have closed or opened one."""
    standing = {(row.shop, row.route, row.provider, row.cause) for row in lasting if not row.seed}
    providers = {seed.provider for seed in engine.seeds}
    lanes = [(r.shop, r.name, p, c) for r, p, c in product(engine.routes, providers, CAUSES)]
    of_mail = [(r.shop, r.name, "", c) for r, c in product(engine.routes, MAIL_CAUSES)]
    waiting = [(shop.name, "", "", "held") for shop in engine.settings.shops]
    engine.around.metrics.incident_open.clear()  # of providers that nobody knew beforehand, too
    for labels in {*lanes, *of_mail, *waiting, *standing}:
        engine.around.metrics.incident_open.labels(*labels).set(int(labels in standing))


def _gauge_mail(engine: Engine, routes: list[RouteBacklog], stuck: list[Stuck]) -> None:
    now, mail = engine.around.clock.now(), engine.around.metrics.mail
    for shop in (shop.name for shop in engine.settings.shops):
        mine = [row for row in routes if row.shop == shop]
        due = [row.next_due_at for row in mine if row.next_due_at]
        late = (now - min(due)).total_seconds() if due else 0
        mail.oldest.labels(shop).set(max(0, late))
        states = Counter({"waiting": sum(row.waiting for row in mine)})
        states["in_hand"] = sum(row.in_hand for row in mine)
        states.update({str(row.state): row.mails for row in stuck if row.shop == shop})
        for state in WAITING:
            mail.queue.labels(shop, state).set(states[state])
    mail.disk_low.set(int(engine.order_mail.disk.low()))


def _gauge_mailbox(engine: Engine, row: MailboxRow, provider: str) -> None:
    up = engine.around.metrics.mailbox_up.labels(row.seed, provider)
    up.set(int(row.state is MailboxState.OK))
    if row.last_look_at:
        look = engine.around.metrics.mailbox_look.labels(row.seed, provider)
        look.set(row.last_look_at.timestamp())


def _mailbox(row: MailboxRow) -> dict[str, Any]:
    looked = row.last_look_at
    return {
        "seed": row.seed,
        "state": str(row.state),
        "since": row.since.isoformat(),
        "last_look_at": looked.isoformat(timespec="seconds") if looked else None,
        "last_error": row.last_error,
    }


def _incident(row: IncidentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "shop": row.shop,
        "route": row.route,
        "provider": row.provider,
        "seed": row.seed,
        "state": str(row.state),
        "cause": row.cause,
        "probability": row.probability,
        "why": row.why,
        "opened_at": row.opened_at.isoformat(timespec="seconds"),
        "acknowledged_by": row.acknowledged_by,
    }


def _problem(row: FindingRow) -> dict[str, Any]:
    finding = row.finding
    subject = row.route and f"{row.shop or 'operator'}/{row.route}"
    return {
        "subject": subject or row.seed or "",
        "probe": row.probe,
        "check": finding.check,
        "status": finding.status,
        "summary": finding.summary,
        "remedy": finding.remedy,
        "at": row.at.isoformat(timespec="seconds"),
    }
