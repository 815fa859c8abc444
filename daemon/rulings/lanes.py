"""What is remembered of one shop's route at one provider, of bounded size and exact as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from daemon.rulings.observations import Verdict
from daemon.rulings.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daemon.rulings.observations import Observation

MEMORY = 32
"""Receipts remembered for corrections, evidence and causes: about two hours of three seeds."""
BAD = frozenset({Verdict.SPAM, Verdict.MISSING, Verdict.UNSENT})

LaneKey: TypeAlias = tuple[str, str, str]
"""(shop, route, provider)."""


class Receipt(NamedTuple):
    """One settled probe; instants in epoch seconds. `bad`: it speaks against the route."""

    probe: str
    seed: str
    template: str
    verdict: Verdict
    late: bool
    bad: bool
    unauthenticated: bool
    at: float
    sent_at: float


class CameBack(NamedTuple):
    """An order mail that came back by the sender's fault, at `at` (epoch seconds)."""

    mail: str
    at: float
    unauthenticated: bool


def unauthenticated(observation: Observation) -> bool:
    """Whether the message was seen and could not prove its author (RFC 9989: DMARC's result).

    Where the receiver's domain publishes no policy, a broken signature or a refused address count.
    """
    if observation.dmarc in {"pass", "fail"}:
        return observation.dmarc == "fail"
    return observation.dkim in {"fail", "permerror"} or observation.spf == "fail"


@dataclass(slots=True, eq=False)
class Lane:
    """A route at a provider: its standing, its latest receipts, and its incident if there is one.

    `straight` counts good probes in a row; `since` is when the first bad probe was sent after the
    lane was last calm; `doubted` is since when its cause has looked like a later one in the order;
    `pinned` is since when a seed has looked flipped; `told` holds the faults of seeds that the
    operator has heard of; `returned` is the order mail that came back lately.
    """

    key: LaneKey
    control: bool
    standing: Standing
    recent: dict[str, Receipt] = field(default_factory=dict)
    straight: int = 0
    since: float | None = None
    incident: str | None = None
    cause: str | None = None
    doubted: float | None = None
    closed: str | None = None
    closed_at: float = 0.0
    pinned: dict[str, float] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    returned: list[CameBack] = field(default_factory=list)

    @property
    def shop(self) -> str:
        """The shop's name."""
        return self.key[0]

    @property
    def route(self) -> str:
        """The route's name."""
        return self.key[1]

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.key[2]

    def remember(self, receipt: Receipt) -> None:
        """Keep a receipt, or its corrected version in its old place."""
        self.recent[receipt.probe] = receipt
        if len(self.recent) > MEMORY:
            del self.recent[next(iter(self.recent))]

    def forgotten(self, sent_at: float) -> bool:
        """Whether a probe sent then may have been remembered once, and no longer is."""
        if len(self.recent) < MEMORY:
            return False
        return sent_at < self.recent[next(iter(self.recent))].sent_at

    def receipts(self, since: float) -> Iterator[Receipt]:
        """The remembered receipts sent at `since` or later, oldest first."""
        return (receipt for receipt in self.recent.values() if receipt.sent_at >= since)

    def as_json(self) -> dict[str, Any]:
        """The lane as a JSON object; `lane_from_json` continues as if nothing had happened."""
        kept = {name: getattr(self, name) for name in _PLAIN}
        if self.returned:
            kept["returned"] = [[*known] for known in self.returned]
        return kept | {
            "key": [*self.key],
            "standing": self.standing.as_json(),
            "recent": [[*receipt] for receipt in self.recent.values()],
        }


_PLAIN = (
    "control",
    "straight",
    "since",
    "incident",
    "cause",
    "doubted",
    "closed",
    "closed_at",
    "pinned",
    "told",
)


def lane_from_json(document: Mapping[str, Any]) -> Lane:
    """The lane that `Lane.as_json` wrote."""
    shop, route, provider = document["key"]
    receipts = [_receipt(*parts) for parts in document["recent"]]
    return Lane(
        key=(shop, route, provider),
        standing=Standing.from_json(document["standing"]),
        recent={receipt.probe: receipt for receipt in receipts},
        returned=[CameBack(*parts) for parts in document.get("returned", ())],
        **{name: document[name] for name in _PLAIN},
    )


def _receipt(probe: str, seed: str, template: str, verdict: str, *rest: Any) -> Receipt:
    return Receipt(probe, seed, template, Verdict(verdict), *rest)
