"""The facts that a notice tells; no sentence of it is here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.alerts.notice import NoticeKind
    from probes.observation import Finding


class Cause(StrEnum):
    """Whose fault it is."""

    AUTHENTICATION = "authentication"
    PROVIDER = "provider"
    SEED = "seed"
    """A test inbox of the operator's; no shop owner is told of it."""
    CONTENT = "content"
    ROUTE = "route"
    BLOCKLIST = "blocklist"
    REFUSED = "refused"
    """The route's own server does not take the receipts."""
    HELD = "held"
    """Receipts that only a person can decide on."""


class Effect(StrEnum):
    """What happens to the receipts."""

    SPAM = "spam"
    MISSING = "missing"
    LATE = "late"
    REFUSED = "refused"
    UNPROVEN = "unproven"
    """They arrive, but do not pass SPF, DKIM and DMARC."""
    HELD = "held"
    RETURNED = "returned"
    """They come back, and not for their addresses' fault."""


class OtherRoutes(StrEnum):
    """How the shop's other routes fare at the same provider."""

    LAND = "land"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """There is none, or none was tried."""


@dataclass(frozen=True, slots=True)
class Counts:
    """`bad` of `seeds` inboxes; `receipts`: the last n of each; `usual`: else 1 in so many."""

    bad: int
    seeds: int
    receipts: int
    usual: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One incident as of `now`.

    `shop`, `route`, `provider` and `seed` are names for people ("Saffron Shop", "Gmail").
    `findings` rank what to do. `reply` is what the route's server answered. `template` names the
    receipt's text that is hit. `was` is the cause told before. `again` marks a relapse. Once
    resolved, `until` says when, and `hit` of `probes` test receipts fared badly in between.
    `returned` order receipts came back, `held` wait for a person, `elsewhere` went by another
    route.
    `link` leads to the page where the incident is acknowledged.
    """

    kind: NoticeKind
    incident: str
    shop: str
    route: str
    provider: str
    cause: Cause
    effect: Effect
    since: datetime
    now: datetime
    counts: Counts | None = None
    other_routes: OtherRoutes = OtherRoutes.UNKNOWN
    findings: tuple[Finding, ...] = ()
    seed: str | None = None
    template: str | None = None
    reply: str | None = None
    was: Cause | None = None
    again: bool = False
    until: datetime | None = None
    probes: int = 0
    hit: int = 0
    returned: int = 0
    held: int = 0
    elsewhere: int = 0
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """Several incidents in one notice: `total` of them, `stories` the worst to name.

    `about` says what is told of each: that it opened, is resolved, and so on.
    """

    about: NoticeKind
    incidents: tuple[str, ...]
    stories: tuple[Story, ...]
    total: int
    now: datetime
    shop: str | None = None
    """The shop's name when they are all of one."""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """For the operator: `contact` was not reached by `channel`; `reason` is a sentence."""

    contact: str
    channel: str
    tries: int
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """Somebody pressed "send test"."""

    contact: str
    channel: str
    now: datetime


Subject = Story | Digest | Trouble | Trial
