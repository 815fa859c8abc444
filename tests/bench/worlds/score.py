"""How a rule did in a world: false alarms, delays, causes, flaps, closings."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.worlds.trouble import DAY, HOUR, MINUTE
from tests.bench.worlds.world import CONTROL, LEARNING, PROVIDERS

if TYPE_CHECKING:
    from tests.bench.worlds.alarms import Alarm
    from tests.bench.worlds.trouble import Fault
    from tests.bench.worlds.world import World

Said = list[tuple[float, "Alarm"]]
Lane = tuple[str, str]

UNDETECTED_MIN = 720.0
AFTERMATH = 3 * HOUR
"""An alarm within this time of a fault's end is neither false nor a detection."""
LAST_WORDS = 10 * MINUTE
"""The last probes of a fault reach their deadline after its end."""
RELAPSE = 2 * HOUR
"""An alarm that comes back within this time of its closing counts once."""
SETTLED = 30 * MINUTE
"""The cause is judged as it stands this long after opening."""


@dataclass(slots=True)
class Incident:
    """From the opening to the closing (None: never), and each cause with its time."""

    start: float
    end: float | None = None
    causes: list[tuple[float, str]] = field(default_factory=list)

    def cause(self, after_s: float) -> str | None:
        """The last cause named within `after_s` of the opening."""
        named = [cause for at, cause in self.causes if at <= self.start + after_s]
        return named[-1] if named else None


@dataclass(frozen=True, slots=True)
class Detection:
    """One fault on one lane of the shop. `delay_min` is None when it went undetected.

    `flaps` counts openings beyond the first, `cause_changes` new causes of the first incident.
    """

    scenario: str
    kind: str
    route: str
    delay_min: float | None
    right: tuple[str, ...]
    first_cause: str | None
    cause: str | None
    close_min: float | None
    flaps: int
    cause_changes: int


@dataclass(frozen=True, slots=True)
class Result:
    """One rule in one world. `calm_years` are lane-years of the shop in which nothing is wrong."""

    world: int
    scenario: str
    false_alarms: int
    calm_years: float
    detections: tuple[Detection, ...]


def judge(world: World, said: Said) -> Result:
    """Compare what was said with what was true; the control's lanes are the operator's."""
    lanes = [(r, p) for r in world.routes if r != CONTROL for p in PROVIDERS]
    detections: list[Detection] = []
    false_alarms, calm = 0, 0.0
    for lane in lanes:
        incidents = _incidents(said, lane)
        faults = [fault for fault in world.faults if fault.hits(*lane)]
        detections += [_detection(world, fault, lane, incidents) for fault in faults]
        false_alarms += sum(_false(incident, faults) for incident in _apart(incidents))
        calm += _calm(world, faults)
    years = calm / (365 * DAY)
    return Result(world.number, world.scenario, false_alarms, years, tuple(detections))


def _incidents(said: Said, lane: Lane) -> list[Incident]:
    found: list[Incident] = []
    for at, alarm in said:
        if (alarm.route, alarm.provider) != lane:
            continue
        if alarm.what == "opened":
            found.append(Incident(at))
        elif alarm.what == "closed" and found:
            found[-1].end = at
        if alarm.what in ("opened", "cause") and alarm.cause and found:
            found[-1].causes.append((at, alarm.cause))
    return found


def _detection(world: World, fault: Fault, lane: Lane, incidents: list[Incident]) -> Detection:
    horizon = min(fault.end + LAST_WORDS, fault.start + UNDETECTED_MIN * MINUTE)
    during = [i for i in incidents if i.start <= horizon and (i.end is None or i.end > fault.start)]
    first = during[0] if during else None
    later = [i for i in incidents if fault.start < i.start <= fault.end + AFTERMATH]
    closed = next((i.end for i in reversed(during) if i.end is not None), None)
    return Detection(
        scenario=world.scenario,
        kind=fault.kind,
        route=lane[0],
        delay_min=max(0.0, first.start - fault.start) / MINUTE if first else None,
        right=fault.causes,
        first_cause=first.cause(0) if first else None,
        cause=first.cause(SETTLED) if first else None,
        close_min=(closed - fault.end) / MINUTE if closed and closed > fault.end else None,
        flaps=max(0, len(later) - 1),
        cause_changes=max(0, len(first.causes) - 1) if first else 0,
    )


def _apart(incidents: list[Incident]) -> list[Incident]:
    """Without those that begin soon after another's end: the same alarm again."""
    ends = [-math.inf, *(math.inf if i.end is None else i.end for i in incidents)]
    return [i for i, before in zip(incidents, ends, strict=False) if i.start > before + RELAPSE]


def _false(incident: Incident, faults: list[Fault]) -> bool:
    near = (fault.start <= incident.start <= fault.end + AFTERMATH for fault in faults)
    return incident.start >= LEARNING and not any(near)


def _calm(world: World, faults: list[Fault]) -> float:
    """Seconds after learning that no fault's span or aftermath covers."""
    calm, at = 0.0, LEARNING
    for fault in sorted(faults, key=lambda fault: fault.start):
        calm += max(0.0, fault.start - at)
        at = max(at, fault.end + AFTERMATH)
    down = sum(end - start for start, end in world.down)
    return max(0.0, calm + max(0.0, world.days * DAY - at) - down)


@dataclass(frozen=True, slots=True)
class Rate:
    """False alarms per lane-year, with the bootstrap's 90 % interval over worlds.

    Of no event at all the bootstrap knows nothing: then `high` is 3 events in the time (95 %).
    """

    events: int
    years: float
    low: float
    high: float

    @property
    def per_year(self) -> float:
        """The plain ratio."""
        return self.events / self.years if self.years else 0.0


def false_alarm_rate(results: list[Result], resamples: int = 1000) -> Rate:
    """Worlds are resampled whole, for what happens within one is not independent."""
    rng = random.Random(1)
    pairs = [(result.false_alarms, result.calm_years) for result in results]
    rates = sorted(_ratio(rng.choices(pairs, k=len(pairs))) for _ in range(resamples))
    events, years = sum(e for e, _ in pairs), sum(y for _, y in pairs)
    high = rates[-resamples // 20] if events or not years else 3 / years
    return Rate(events, years, rates[resamples // 20], high)


def _ratio(pairs: list[tuple[int, float]]) -> float:
    years = sum(years for _, years in pairs)
    return sum(events for events, _ in pairs) / years if years else 0.0
