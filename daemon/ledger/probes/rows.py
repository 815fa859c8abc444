"""What a probe's rows hold, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.observation import Location

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.ledger.states import SightingKind
    from daemon.lifecycles.probe import ProbeState
    from probes.observation import Fault, MatchedBy, Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProbe:
    """A probe that is about to be sent. `shop` is "" for the operator's control route."""

    id: str
    shop: str
    route: str
    role: str
    provider: str
    seed: str
    recipient: str
    slot: datetime
    token: str = field(repr=False)
    message_id: str
    order_number: str
    language: str
    template: str
    planned_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow(PlannedProbe):
    """Everything known of a probe.

    `first_placement` is where it was first seen, None until then; `placement` is the latest word,
    which is MISSING or UNOBSERVED for a probe that is overdue or whose mailbox could not be read.
    `settled_at` is when it was last settled, None while it is still looked for.
    """

    state: ProbeState
    submitted_at: datetime | None
    smtp_code: int | None
    smtp_enhanced: str | None
    smtp_text: str | None
    smtp_stage: str | None
    tls_version: str | None
    tls_cipher: str | None
    fault: Fault | None
    reason: str | None
    matched_by: MatchedBy | None
    sighted_at: datetime | None
    received_at: datetime | None
    latency_s: float | None
    first_placement: Placement | None
    first_tab: str | None
    placement: Placement | None
    tab: str | None
    folder: str | None
    uidvalidity: int | None
    uid: int | None
    looked_at: datetime | None
    looks_done: int
    next_look_at: datetime | None
    settled_at: datetime | None
    watched_at: datetime | None

    @property
    def location(self) -> Location | None:
        """Where it was last seen; None when never, or when it is there no more."""
        if self.folder is None or self.uidvalidity is None or self.uid is None:
            return None
        return Location(self.folder, self.uidvalidity, self.uid)


@dataclass(frozen=True, slots=True)
class SightingRow:
    """A probe, seen at a place."""

    probe: str
    kind: SightingKind
    seen_at: datetime
    placement: Placement
    tab: str | None
    location: Location
    explanation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawRow:
    """The message as it was found: `size` octets, of which a reader's cap may have cut some."""

    raw: bytes = field(repr=False)
    size: int
    truncated: bool
    stored_at: datetime
