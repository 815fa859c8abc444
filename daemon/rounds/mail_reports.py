"""Incidents about order mail, as rows: routes that refuse it, mail that comes back, or waits.

Their ids are deterministic, so that whoever looks again, in whichever process, opens the same one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from daemon.ledger.incidents import IncidentRow
from daemon.lifecycles.incident import STANDING, IncidentState
from daemon.rulings.incidents import Happening, incident_id
from daemon.rulings.route_trouble import Before
from probes.replies import classify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daemon.ledger.route_health import ReturnFact, TryFact
    from daemon.rulings.route_trouble import Trouble
    from probes.replies import Reply

ROUTE, HELD = "w", "h"
"""The kinds of their ids."""
REFUSED, AUTHENTICATION, RETURNED, WAITS = "refused", "authentication", "route", "held"
"""Their causes; what comes back is, as with probes, the route's fault."""
NO_PROVIDER = ""
"""It is about no provider in particular."""
RELAPSE = timedelta(hours=2)
"""What comes back within this time is the same incident."""
EVIDENCE = 20
REPLIES = 5
_AUTHENTICATION = ("dmarc", "dkim", "spf", "authentic", "aligned")
"""What stands in the names of replies that speak of SPF, DKIM or DMARC."""

Place = tuple[str, str, str]
"""(shop, route, provider)."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be written: a new incident, what is known of it now, or its end."""

    what: Happening
    row: IncidentRow


class Reports:
    """The incidents that there are, the newest of each place."""

    def __init__(self, rows: Iterable[IncidentRow]) -> None:
        self._newest = {place_of(row): row for row in rows}

    def standing(self, place: Place) -> IncidentRow | None:
        """The one that lasts."""
        row = self._newest.get(place)
        return row if row and row.state in STANDING else None

    def before(self, place: Place) -> Before | None:
        """How the last one ended."""
        row = self._newest.get(place)
        if row is None or row.resolved_at is None:
            return None
        return Before(row.resolved_at, row.state is IncidentState.DISMISSED)

    def places(self) -> list[Place]:
        """Where one lasts."""
        return [place for place, row in self._newest.items() if row.state in STANDING]

    def move(self, row: IncidentRow) -> Move | None:
        """Open it, or tell what is new of the one that lasts; None when nothing is."""
        last = self._newest.get(place_of(row))
        if last and last.state in STANDING:
            known = replace(row, id=last.id, facts=_since_ever(last, row.facts))
            same = (known.why, known.cause, known.facts) == (last.why, last.cause, last.facts)
            return None if same else Move(Happening.CAUSE, known)
        if last and last.state is IncidentState.RESOLVED and _relapses(last, row):
            return Move(Happening.OPENED, replace(row, id=last.id))
        return Move(Happening.OPENED, row)


def place_of(row: IncidentRow) -> Place:
    """Where it is; one of waiting mail is at no route."""
    return row.shop, row.route, row.provider


def refusing(
    place: Place, found: Trouble, failures: Sequence[TryFact], sent: int, now: datetime
) -> IncidentRow:
    """A route that does not take order mail; `sent` went by another one."""
    route = place[1]
    reply, words = _commonest(failures)
    share = f"{found.failed} of the last {found.tries} tries"
    elsewhere = f"; {sent} receipts went by another route" if sent else ""
    facts = {
        "failed": found.failed,
        "tries": found.tries,
        "sent": sent,
        "fate": "unsent",
        "reply": words.text,
        "code": words.code,
        "meaning": reply.meaning,
        "remedy": reply.remedy,
        "replies": [_quoted(fact) for fact in failures[-REPLIES:]],
    }
    why = f"The route {route} did not take order mail in {share}{elsewhere}. {reply.meaning}"
    cause = AUTHENTICATION if _unproven(reply) else REFUSED
    return _row(place, cause, why, facts, found, now)


def returning(
    place: Place, found: Trouble, returned: Sequence[ReturnFact], now: datetime
) -> IncidentRow:
    """A route whose mail comes back from one provider, by the sender's fault."""
    _, route, provider = place
    last = returned[-1]
    reply = classify(last.provider, _code(last.status), last.status, last.text)
    unproven = any(one.reason == AUTHENTICATION for one in returned)
    facts = {
        "bounces": len(found.mails),
        "fate": "returned",
        "reply": last.text,
        "meaning": reply.meaning,
        "remedy": reply.remedy,
        "replies": [f"{one.at:%Y-%m-%d %H:%M} UTC: {one.text}" for one in returned[-REPLIES:]],
    }
    came = "1 order receipt" if len(found.mails) == 1 else f"{len(found.mails)} order receipts"
    why = f"{came} by {route} came back from {provider}, and not for the addresses' fault."
    return _row(place, AUTHENTICATION if unproven else RETURNED, why, facts, found, now)


def holding(shop: str, count: int, since: datetime, now: datetime) -> IncidentRow:
    """Mail of the shop that only a person can decide on."""
    receipts = "1 receipt waits" if count == 1 else f"{count} receipts wait"
    why = f"{receipts} for your decision: not sent, or nobody knows whether they arrived."
    key = incident_id((shop, WAITS), since.timestamp(), HELD)
    facts = {"since": since.isoformat(), "mails": count}
    return _incident(key, (shop, "", NO_PROVIDER), WAITS, why, facts, (), now)


def _commonest(failures: Sequence[TryFact]) -> tuple[Reply, TryFact]:
    """What most refusals mean, and the newest that means it."""
    meant = [classify(None, fact.code, fact.enhanced, fact.text or "") for fact in failures]
    most = Counter(reply.row for reply in meant).most_common(1)[0][0]
    pairs = zip(reversed(meant), reversed(failures), strict=True)
    return next((reply, fact) for reply, fact in pairs if reply.row == most)


def _unproven(reply: Reply) -> bool:
    return any(word in reply.row for word in _AUTHENTICATION)


def _quoted(fact: TryFact) -> str:
    words = " ".join(str(part) for part in (fact.code, fact.enhanced, fact.text) if part)
    return f"{fact.at:%Y-%m-%d %H:%M} UTC, {fact.stage}: {words}"


def _code(status: str | None) -> int:
    return 450 if status and status.startswith("4") else 550


def _since_ever(last: IncidentRow, facts: Mapping[str, Any]) -> dict[str, Any]:
    """It began when it began, however far back anybody looks."""
    return {**facts, "since": min(str(last.facts.get("since", facts["since"])), facts["since"])}


def _relapses(last: IncidentRow, row: IncidentRow) -> bool:
    return last.resolved_at is not None and row.opened_at - last.resolved_at <= RELAPSE


def _row(
    place: Place, cause: str, why: str, facts: Mapping[str, Any], found: Trouble, now: datetime
) -> IncidentRow:
    key = incident_id((*place, "mail"), found.since.timestamp(), ROUTE)
    told = {**facts, "since": found.since.isoformat()}
    return _incident(key, place, cause, why, told, found.mails[-EVIDENCE:], now)


def _incident(
    key: str,
    place: Place,
    cause: str,
    why: str,
    facts: Mapping[str, Any],
    evidence: tuple[str, ...],
    now: datetime,
) -> IncidentRow:
    return IncidentRow(
        id=key,
        shop=place[0],
        route=place[1],
        provider=place[2],
        seed=None,
        state=IncidentState.OPEN,
        cause=cause,
        probability=1.0,
        why=why,
        facts=facts,
        evidence=evidence,
        opened_at=now,
        changed_at=now,
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        episode=1,
    )
