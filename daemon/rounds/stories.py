"""From what the ledger knows now of a notice's subjects to the story that it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from daemon.alerts.notice import NoticeKind
from daemon.alerts.story import (
    Cause,
    Counts,
    Digest,
    Effect,
    OtherRoutes,
    Story,
    Subject,
    Trouble,
)
from daemon.alerts.telling import MOST_LINES
from daemon.ledger import findings, incidents, notices, probes
from daemon.rounds.parties import OPERATOR
from daemon.rulings.alerting import Kind
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.incidents import IncidentRow
    from daemon.ledger.notices import NoticeRow

OURSELVES = "Receiptwatch"
"""Whose trouble it is when it is no shop's."""
LATEST = 6
"""The latest probes of the evidence that are asked what the checks found."""

EFFECTS = {
    "spam": Effect.SPAM,
    "other": Effect.SPAM,
    "missing": Effect.MISSING,
    "late": Effect.LATE,
    "unsent": Effect.REFUSED,
    "inbox": Effect.UNPROVEN,
    "tab": Effect.UNPROVEN,
    "locked": Effect.MISSING,
    "flipped": Effect.SPAM,
    "returned": Effect.RETURNED,
}
"""What happens to the receipts, by most bad ones' fate or by a seed's fault."""
OF_MAIL = {Cause.REFUSED: Effect.REFUSED, Cause.HELD: Effect.HELD}
"""What is told of order mail itself, and not of test receipts."""
SEEN = frozenset({"inbox", "tab"})
UNSEEN = frozenset({"spam", "other", "missing", "unsent"})


@dataclass(frozen=True, slots=True)
class Names:
    """What shops and providers are called among people; whoever has no name keeps its key."""

    shops: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)

    def shop(self, name: str) -> str:
        """A shop's title; our own for what is the operator's."""
        return OURSELVES if name == OPERATOR else self.shops.get(name, name)

    def provider(self, name: str) -> str:
        """A provider's title."""
        return self.providers.get(name, name)


async def subject_of(
    conn: AsyncConnection, notice: NoticeRow, names: Names, now: datetime
) -> Subject:
    """What to tell; raises LookupError when nothing of it is on record."""
    if notice.kind == Kind.OPERATOR:
        return await _trouble(conn, notice, now)
    found = [await incidents.get(conn, incident) for incident in notice.about[:MOST_LINES]]
    stories = [await _story(conn, notice, row, names, now) for row in found if row]
    if not stories:
        raise LookupError("what it told of is no longer on record")
    if len(notice.about) == 1:
        return stories[0]
    shops = await notices.shops(conn, notice.key)
    shop = names.shop(shops.pop()) if len(shops) == 1 else None
    about = NoticeKind(notice.kind)
    return Digest(about, notice.about, tuple(stories), len(notice.about), now, shop)


async def _trouble(conn: AsyncConnection, notice: NoticeRow, now: datetime) -> Trouble:
    [channel] = notice.about
    heard = await notices.lines(conn, notice.contact, channel)
    [line] = [line for line in heard if line.key == notice.key]
    failed = await notices.get(conn, line.cause)  # an operator's line names the notice that failed
    if failed is None:
        raise LookupError("the notice that failed is no longer on record")
    return Trouble(failed.contact, channel, failed.attempts, failed.error or "", now)


async def _story(
    conn: AsyncConnection, notice: NoticeRow, row: IncidentRow, names: Names, now: datetime
) -> Story:
    facts, since = row.facts, _since(row)
    until = row.resolved_at if notice.kind == Kind.RESOLVED else None
    sent, hit = await _in_between(conn, row, since, until) if until else (0, 0)
    return Story(
        kind=NoticeKind(notice.kind),
        incident=row.id,
        shop=names.shop(row.shop),
        route=row.route,
        provider=names.provider(row.provider),
        cause=_cause(row),
        effect=_effect(row),
        since=since,
        now=now,
        counts=_counts(facts),
        other_routes=_other_routes(facts),
        findings=await _found(conn, row),
        seed=row.seed,
        template=_only(facts.get("templates_bad")),
        reply=await _reply(conn, row),
        was=await _was(conn, notice, row),
        again=row.episode > 1 or bool(facts.get("relapse")),
        until=until,
        probes=sent,
        hit=hit,
        returned=facts.get("bounces") or 0,
        held=facts.get("mails") or 0,
        elsewhere=facts.get("sent") or 0,
    )


def _since(row: IncidentRow) -> datetime:
    """When the trouble began, which is before anybody could be sure of it."""
    told = row.facts.get("since")
    return datetime.fromisoformat(told) if isinstance(told, str) else row.opened_at


def _effect(row: IncidentRow) -> Effect:
    if told := OF_MAIL.get(Cause(row.cause)):
        return told
    fate = row.facts.get("fault") if row.seed else row.facts.get("fate")
    unproven = row.cause == Cause.AUTHENTICATION
    return EFFECTS.get(str(fate), Effect.UNPROVEN if unproven else Effect.MISSING)


def _cause(row: IncidentRow) -> Cause:
    refused = row.cause == Cause.ROUTE and _effect(row) is Effect.REFUSED
    return Cause.REFUSED if refused else Cause(row.cause)


def _counts(facts: Mapping[str, Any]) -> Counts | None:
    """None unless the last receipts, without exception, fared badly."""
    last, bad, seeds = (facts.get(key) or 0 for key in ("last_bad", "seeds_bad", "seeds"))
    return Counts(min(bad, last), seeds, last, facts.get("normal_one_in")) if last else None


def _other_routes(facts: Mapping[str, Any]) -> OtherRoutes:
    lands = facts.get("other_lands")
    if lands is None:
        return OtherRoutes.UNKNOWN
    return OtherRoutes.LAND if lands else OtherRoutes.FAIL


def _only(templates: list[str] | None) -> str | None:
    return templates[0] if templates and len(templates) == 1 else None


async def _found(conn: AsyncConnection, row: IncidentRow) -> tuple[Finding, ...]:
    if row.facts.get("replies"):
        return (_refusal(row.facts),) if row.facts["fate"] == "unsent" else ()
    rows = await findings.of_probes(conn, row.evidence[-LATEST:])
    return tuple(found.finding for found in rows)


def _refusal(facts: Mapping[str, Any]) -> Finding:
    """What a route's server said most often of order mail, as a probe's check would tell it."""
    evidence = {"code": facts.get("code")}
    meaning, remedy = str(facts.get("meaning")), facts.get("remedy")
    return Finding("submission", "refused", Severity.PROBLEM, meaning, evidence, remedy)


async def _reply(conn: AsyncConnection, row: IncidentRow) -> str | None:
    """What the route's server answered last, where that is the trouble."""
    if said := row.facts.get("reply"):
        return str(said)
    if _effect(row) is not Effect.REFUSED or not row.evidence:
        return None
    known = await probes.by_ids(conn, row.evidence[-1:])
    return next((probe.smtp_text for probe in known.values()), None)


async def _was(conn: AsyncConnection, notice: NoticeRow, row: IncidentRow) -> Cause | None:
    """The cause that the contact was told before, when it was another."""
    if notice.kind != Kind.CAUSE_CHANGED:
        return None
    heard = await notices.lines(conn, notice.contact, row.id)
    before = [line.cause for line in heard if line.at < notice.planned_at and line.cause]
    return Cause(before[-1]) if before and before[-1] != row.cause else None


async def _in_between(
    conn: AsyncConnection, row: IncidentRow, since: datetime, until: datetime
) -> tuple[int, int]:
    """(test receipts in that time, those of them that nobody saw)."""
    if row.seed:
        return 0, 0
    ended = await probes.span(conn, row.shop, row.route, row.provider, since, until)
    seen, hit = (sum(ended.get(o, 0) for o in outcomes) for outcomes in (SEEN, UNSEEN))
    return seen + hit, hit
