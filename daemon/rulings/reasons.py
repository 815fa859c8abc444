"""The facts behind an event, and the one English sentence that they make.

Other languages are worded from the facts, never from the sentence.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from daemon.rulings.attribution import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.rulings.lanes import Lane, Receipt
    from daemon.rulings.thresholds import Thresholds

FATES = {
    "spam": "into spam",
    "missing": "nowhere to be found in time",
    "late": "in too late",
    "unsent": "back: the route did not take them",
}


def facts(lane: Lane, at_provider: Sequence[Lane], thresholds: Thresholds) -> dict[str, Any]:
    """What is known of a lane's trouble, as JSON.

    `receipts` were sent since `since` to `seeds` inboxes, `receipts_bad` of them to `seeds_bad`
    did not land; `last_bad` is the unbroken run at the end; `fate` is what became of most of the
    bad ones; `normal_one_in` is how rare a bad one is by the baselines; `other_lands` whether the
    shop's `other_route` lands at the same provider now (None: nobody knows). `bounces` is how many
    order mails came back by the sender's fault, and is left out when none did.
    """
    since = lane.standing.at if lane.since is None else lane.since
    receipts = list(lane.receipts(since))
    bad = [receipt for receipt in receipts if receipt.bad]
    other = _other(lane, at_provider)
    bounces = sum(known.at >= since for known in lane.returned)
    return ({"bounces": bounces} if bounces else {}) | {
        "since": _instant(since),
        "seeds": len(lane.standing.seeds),
        "seeds_bad": len({receipt.seed for receipt in bad}),
        "receipts": len(receipts),
        "receipts_bad": len(bad),
        "last_bad": _run(receipts),
        "fate": _fate(bad),
        "normal_one_in": _one_in(lane, thresholds),
        "other_route": other.route if other else None,
        "other_lands": _lands(other, thresholds) if other else None,
        "templates_bad": sorted({receipt.template for receipt in bad}),
    }


def _other(lane: Lane, at_provider: Sequence[Lane]) -> Lane | None:
    others = [o for o in at_provider if o is not lane and not o.control and o.standing.seeds]
    return max(others, key=lambda other: other.standing.at, default=None)


def _lands(other: Lane, thresholds: Thresholds) -> bool:
    return other.standing.p_bad <= thresholds.suspect_at and other.straight > 0


def _run(receipts: list[Receipt]) -> int:
    latest = [receipt.bad for receipt in reversed(receipts)]
    return latest.index(False) if False in latest else len(latest)


def _fate(bad: list[Receipt]) -> str | None:
    """What became of most of them: spam, missing, late or unsent."""
    fates = Counter("late" if r.late else str(r.verdict) for r in bad)
    return fates.most_common(1)[0][0] if fates else None


def _one_in(lane: Lane, thresholds: Thresholds) -> int | None:
    """How many good receipts there are for a bad one while nothing is wrong."""
    known = lane.standing.baselines
    counted = sum(baseline.sent for baseline in known)
    if not counted:
        return None
    bad = sum(baseline.spam + baseline.missing for baseline in known if baseline.usable(thresholds))
    return round((counted + thresholds.prior_good) / (bad + thresholds.prior_bad))


def opened(lane: Lane, cause: Cause, found: dict[str, Any]) -> str:
    """Why an incident stands: what was seen, how rare that is, whose fault, since when."""
    return f"{_seen(lane, found)} {_whose(lane, cause, found)}, since {found['since'][11:16]} UTC."


def _seen(lane: Lane, found: dict[str, Any]) -> str:
    """What went wrong; test receipts are left out when none of them did."""
    told = [_came_back(lane, found)] if found.get("bounces") else []
    if found["receipts_bad"] or not told:
        told.append(_tests(lane, found))
    return " ".join(told)


def _came_back(lane: Lane, found: dict[str, Any]) -> str:
    mails = "order receipt" if found["bounces"] == 1 else "order receipts"
    return (
        f"{lane.provider.title()}: {found['bounces']} {mails} by {lane.route} came back, and not "
        "for their addresses' fault."
    )


def _tests(lane: Lane, found: dict[str, Any]) -> str:
    normal = f" (normally 1 in {found['normal_one_in']})" if found["normal_one_in"] else ""
    fate = FATES.get(found["fate"] or "", "where they belong")
    return (
        f"{lane.provider.title()}: {found['receipts_bad']} of the last {found['receipts']} test "
        f"receipts by {lane.route} went {fate}, in {found['seeds_bad']} of {found['seeds']} test "
        f"inboxes{normal}."
    )


def _whose(lane: Lane, cause: Cause, found: dict[str, Any]) -> str:
    if cause is Cause.AUTHENTICATION:
        return "They fail authentication (SPF, DKIM, DMARC), so it is the sender's set-up"
    if cause is Cause.PROVIDER:
        return f"Other routes lose mail there too, so it is {lane.provider.title()} itself"
    if cause is Cause.SEED:
        return "All of them went to one test inbox, so it is that inbox"
    if cause is Cause.CONTENT:
        return f"Only {', '.join(found['templates_bad'])} is hit, so it is the wording"
    if found["other_lands"]:
        return "Your other route lands, so it is this route"
    return "It is this route"


def closed(lane: Lane) -> str:
    """Why an incident is over."""
    return (
        f"{lane.provider.title()}: the last {lane.straight} test receipts by {lane.route} landed "
        "where customers see them; it is over."
    )


def seed_fault(seed: str, fault: str) -> str:
    """What is wrong with a test inbox, for the operator."""
    if fault == "locked":
        return f"The test inbox {seed} receives nothing while its peers do: log in and look."
    return (
        f"The test inbox {seed} alone has put receipts into spam for hours: its own filter has "
        "settled on that, which is now taken as its normal. Mark them as no spam, or replace it."
    )


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
