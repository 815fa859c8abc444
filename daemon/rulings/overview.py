"""What a person is told about each route × provider: one sentence, its n, the last thirty marks."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from daemon.lifecycles.probe import ProbeState
from daemon.rulings.rates import Rate
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

STRIP = 30

WORDS = {
    Placement.INBOX: "in the inbox",
    Placement.TAB: "in the inbox, under a tab",
    Placement.SPAM: "in spam",
    Placement.OTHER: "in another folder",
    Placement.MISSING: "missing",
    Placement.UNOBSERVED: "not observed: the mailbox could not be read",
}
VISIBLE = frozenset({Placement.INBOX, Placement.TAB})
WITNESSED = frozenset(Placement) - {Placement.UNOBSERVED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One probe as the overview needs it; `placement` is None while nothing is known."""

    probe: str
    shop: str
    route: str
    role: str
    provider: str
    seed: str
    state: ProbeState
    placement: Placement | None
    tab: str | None
    planned_at: datetime
    latency_s: float | None

    @property
    def fate(self) -> Placement | None:
        """The placement, with the states that stand for one; None: unsent or still awaited."""
        return self.placement or _BY_STATE.get(self.state)


_BY_STATE = {
    ProbeState.OVERDUE: Placement.MISSING,
    ProbeState.LOST: Placement.MISSING,
    ProbeState.UNOBSERVED: Placement.UNOBSERVED,
}


@dataclass(frozen=True, slots=True)
class Lane:
    """One route × provider; `strip` runs from the oldest of the last thirty to the newest."""

    shop: str
    route: str
    role: str
    provider: str
    strip: tuple[Outcome, ...]

    @property
    def visible(self) -> Rate:
        """How many of the observed probes a customer would see without searching."""
        fates = [o.fate for o in self.strip if o.fate in WITNESSED]
        return Rate(sum(fate in VISIBLE for fate in fates), len(fates))

    @property
    def latency_s(self) -> float | None:
        """The median, in seconds; None when no probe was timed."""
        timed = [o.latency_s for o in self.strip if o.latency_s is not None]
        return median(timed) if timed else None

    @property
    def sentence(self) -> str:
        """The lane in one sentence for people."""
        told = [_told(o) for o in self.strip if _told(o)]
        if not told:
            return "No test receipt has been settled yet."
        same = next((i for i, word in enumerate(reversed(told)) if word != told[-1]), len(told))
        newest = f"the last {same} were" if same > 1 else "the last one was"
        if not self.visible.n:
            return f"No test receipt was observed; {newest} {told[-1]}."
        return f"{self.visible} test receipts could be seen; {newest} {told[-1]}."


def _told(outcome: Outcome) -> str | None:
    """What became of a probe, in words; None while it is awaited."""
    if outcome.state is ProbeState.UNSENT:
        return "not sent: the route did not take it"
    return WORDS[outcome.fate] if outcome.fate else None


def lanes(outcomes: Iterable[Outcome]) -> list[Lane]:
    """Outcomes in any order, gathered into lanes: shops by name, primary routes first."""
    grouped: dict[tuple[str, str, str, str], list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda o: (o.planned_at, o.probe)):
        key = (outcome.shop, outcome.role, outcome.route, outcome.provider)
        grouped.setdefault(key, []).append(outcome)
    order = {"primary": 0, "fallback": 1, "control": 2}
    return [
        Lane(shop, route, role, provider, tuple(found[-STRIP:]))
        for (shop, role, route, provider), found in sorted(
            grouped.items(), key=lambda item: (item[0][0], order.get(item[0][1], 3), item[0])
        )
    ]
