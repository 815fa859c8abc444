"""Every kind of notice there is, with names in both directions of writing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from daemon.alerts.notice import NoticeKind
from daemon.alerts.story import (
    Cause,
    Counts,
    Digest,
    Effect,
    OtherRoutes,
    Story,
    Trial,
    Trouble,
)
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.alerts.story import Subject

NOW = datetime(2026, 11, 21, 10, 40, tzinfo=UTC)
LINK = "https://watch.example/incidents/i-7"
TELLING = [
    NoticeKind.OPENED,
    NoticeKind.REMINDER,
    NoticeKind.ESCALATED,
    NoticeKind.RESOLVED,
    NoticeKind.CAUSE_CHANGED,
]


def problem(check: str, status: str = "fail", **evidence: object) -> Finding:
    return Finding(check, status, Severity.PROBLEM, "what the check saw", evidence)


STORY = Story(
    NoticeKind.OPENED,
    "i-7",
    "Saffron Shop",
    "primary",
    "Gmail",
    Cause.ROUTE,
    Effect.SPAM,
    since=NOW - timedelta(minutes=30),
    now=NOW,
    counts=Counts(2, 3, 3, 200),
    other_routes=OtherRoutes.LAND,
    link=LINK,
)
DKIM = problem("dkim", "permerror", d="saffron.example", s="s1", failed=["key"])
SPF = problem(
    "spf",
    domain="saffron.example",
    client_ip="203.0.113.5",
    records=["v=spf1 include:_spf.relay.example -all"],
)
LISTED = problem(
    "blocklists",
    "listed",
    list="Spamhaus ZEN",
    listed="203.0.113.5",
    removal="https://check.spamhaus.org/",
)
OTHER_FINDINGS = [
    problem("dkim", "none"),
    problem("dkim", d="saffron.example", s="s1", failed=["body hash"]),
    problem("dkim", "policy", d="saffron.example", s="s1", failed=["key too weak"]),
    problem("dkim", d="saffron.example", failed=["expiry"]),
    problem("spf", "permerror", domain="saffron.example"),
    problem("dmarc", from_domain="saffron.example"),
    problem("reverse-dns", "permerror", client_ip="203.0.113.5"),
    problem("submission", "rejected", code=535),
    problem("submission", "deferred", code=451),
    problem("submission", "rejected", code=550),
]


def every_subject() -> Iterator[tuple[str, Subject]]:
    """(a name, the subject): each kind × cause × effect, each advice, each other notice."""
    for kind in TELLING:
        for cause in Cause:
            for effect in Effect:
                yield f"{kind}-{cause}-{effect}", told(kind, cause, effect)
    for routes in OtherRoutes:
        yield f"others-{routes}", replace(STORY, other_routes=routes)
    for number, finding in enumerate([DKIM, SPF, LISTED, *OTHER_FINDINGS]):
        yield f"finding-{number}", replace(STORY, findings=(finding,))
    yield "again", replace(STORY, again=True)
    yield "no-template", replace(STORY, cause=Cause.CONTENT)
    yield "right-to-left-name", replace(STORY, shop="گلستان", counts=Counts(1, 1, 1))
    yield "yesterday", replace(STORY, since=NOW - timedelta(days=2, hours=3), kind=TELLING[1])
    for about in TELLING:
        shop = "Saffron Shop" if about is NoticeKind.OPENED else None
        stories = tuple(told(about, cause, Effect.SPAM) for cause in Cause)
        yield f"digest-{about}", Digest(about, ("i-7",), stories, 10_000, NOW, shop, LINK)
    yield "trouble", Trouble("Sara", "sms", 8, "The SMS service answered 500.", NOW)
    yield "trial", Trial("Sara", "telegram", NOW)


def told(kind: NoticeKind, cause: Cause, effect: Effect) -> Story:
    solved = kind is NoticeKind.RESOLVED
    return replace(
        STORY,
        kind=kind,
        cause=cause,
        effect=effect,
        seed="gmail-1",
        template="t1",
        was=Cause.ROUTE if kind is NoticeKind.CAUSE_CHANGED else None,
        reply="550 5.7.1 Blocked" if cause is Cause.REFUSED else None,
        until=NOW if solved else None,
        probes=41 if solved else 0,
        hit=22 if solved else 0,
    )
