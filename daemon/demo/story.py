"""The story that the demo tells: acts, what each changes, and what must then be seen.

Pure description and comparison; whoever tells it brings a world, a way to launch one round of
probes, a way to observe what became of them, and a way to show it.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from probes.observation import Finding, Placement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from daemon.demo.world import DemoWorld

ROUTES = ("primary", "fallback", "control")
PROVIDERS = ("gmail", "outlook", "yahoo")
_LANDED = frozenset({Placement.INBOX, Placement.TAB})
_SPAM = frozenset({Placement.SPAM})
_PASSES = {"spf": "pass", "dkim": "pass", "dmarc": "pass"}


Place = tuple[str, str, str]
"""(route, provider, cause)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident as it stands: `after_min` minutes of the story passed before it stood so."""

    route: str
    provider: str
    cause: str
    why: str
    after_min: float

    @property
    def place(self) -> Place:
        """Where it is, and whose fault."""
        return (self.route, self.provider, self.cause)

    def as_json(self) -> dict[str, Any]:
        """The alarm as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One settled probe: where it is and what was found out about it."""

    route: str
    provider: str
    placement: Placement
    findings: tuple[Finding, ...] = ()

    @property
    def statuses(self) -> Mapping[str, str]:
        """Each check's distinct statuses in order, joined by "/" where a check has several."""
        told: dict[str, list[str]] = {}
        for finding in self.findings:
            statuses = told.setdefault(finding.check, [])
            if finding.status not in statuses:
                statuses.append(finding.status)
        return {check: "/".join(statuses) for check, statuses in told.items()}

    def as_json(self) -> dict[str, Any]:
        """The outcome as a JSON object."""
        return {
            "route": self.route,
            "provider": self.provider,
            "placement": str(self.placement),
            "statuses": dict(self.statuses),
        }


@dataclass(frozen=True, slots=True)
class Expectation:
    """What every probe of one route at one provider must show; other checks are not asked."""

    route: str
    provider: str
    placements: frozenset[Placement] = _LANDED
    statuses: Mapping[str, str] = field(default_factory=lambda: _PASSES)

    def surprises(self, outcomes: Iterable[Outcome]) -> list[str]:
        """How `outcomes` differ, one sentence each; empty when all is as expected."""
        way = f"{self.route} → {self.provider}"
        mine = [o for o in outcomes if (o.route, o.provider) == (self.route, self.provider)]
        if not mine:
            return [f"{way}: no probe was seen"]
        return [f"{way}: {difference}" for outcome in mine for difference in self._against(outcome)]

    def _against(self, outcome: Outcome) -> Iterable[str]:
        if outcome.placement not in self.placements:
            yield f"placed in {outcome.placement}, expected {' or '.join(sorted(self.placements))}"
        for check, wanted in self.statuses.items():
            status = outcome.statuses.get(check, "not examined")
            if status != wanted:
                yield f"{check} is {status}, expected {wanted}"


@dataclass(frozen=True, slots=True)
class Act:
    """One act: `sentence` opens it, `change` alters the world, `moral` closes it."""

    name: str
    sentence: str
    change: Callable[[DemoWorld], None]
    moral: str
    exceptions: tuple[Expectation, ...] = ()
    alarms: frozenset[Place] = frozenset()
    """Where an incident must stand at the end of the act, and with which cause: nowhere else."""

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """One for each route at each provider: all lands and passes, save the exceptions."""
        special = {(wish.route, wish.provider): wish for wish in self.exceptions}
        return tuple(
            special.get((route, provider), Expectation(route, provider))
            for route in ROUTES
            for provider in PROVIDERS
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown: an act that begins, what was seen in it, and what was made of that.

    `outcomes` is None before the round settled, `alarms` before the incidents did.
    """

    act: Act
    outcomes: tuple[Outcome, ...] | None = None
    alarms: tuple[Alarm, ...] | None = None
    surprises: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The scene as a JSON object."""
        return {
            "act": self.act.name,
            "sentence": self.act.sentence,
            "came_true": not self.surprises,
            "surprises": list(self.surprises),
            "seen": [outcome.as_json() for outcome in self.outcomes or ()],
            "incidents": [alarm.as_json() for alarm in self.alarms or ()],
        }


@dataclass(frozen=True, slots=True)
class StoryReport:
    """The last scene of every act."""

    scenes: tuple[Scene, ...]

    @property
    def came_true(self) -> bool:
        """Whether every act showed what it promised."""
        return not any(scene.surprises for scene in self.scenes)

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {"came_true": self.came_true, "acts": [scene.as_json() for scene in self.scenes]}


def _all_is_well(world: DemoWorld) -> None:
    world.recover()


def _yahoo_turns(world: DemoWorld) -> None:
    world.recover()
    world.providers["yahoo"].file_as_spam(route="primary")


def _the_key_is_lost(world: DemoWorld) -> None:
    world.recover()
    world.break_dkim("primary")


ACTS = (
    Act(
        "all lands",
        "The shop sends its receipts by two routes, and the watcher by a third. All is well.",
        _all_is_well,
        "Every receipt is in the inbox, and every check passes.",
    ),
    Act(
        "yahoo files into spam",
        "Yahoo takes a dislike to the primary route.",
        _yahoo_turns,
        "No error, no bounce: only a look into the mailbox shows that Yahoo's customers no longer "
        "see their receipts. The checks pass, so it is the route's reputation; the fallback lands.",
        (Expectation("primary", "yahoo", _SPAM),),
        frozenset({("primary", "yahoo", "route")}),
    ),
    Act(
        "dkim breaks",
        "Yahoo relents. Then somebody publishes the wrong DKIM key for the primary route.",
        _the_key_is_lost,
        "The primary route's SPF is for its mail service's domain, so DMARC rested on DKIM alone. "
        "Now every provider does what the shop's own policy asks: quarantine. One record in the "
        "DNS puts it right.",
        tuple(
            Expectation(
                "primary", provider, _SPAM, {"spf": "pass", "dkim": "fail", "dmarc": "fail"}
            )
            for provider in PROVIDERS
        ),
        frozenset(("primary", provider, "authentication") for provider in PROVIDERS),
    ),
    Act(
        "recovery",
        "The right key is published again.",
        _all_is_well,
        "The next round lands everywhere: it is over, and was seen to be over.",
    ),
)


async def tell(
    world: DemoWorld,
    launch: Callable[[], Awaitable[None]],
    observe: Callable[[], Awaitable[Sequence[Outcome]]],
    show: Callable[[Scene], None],
    *,
    alarms: Callable[[frozenset[Place]], Awaitable[Sequence[Alarm]]] | None = None,
    pause_s: float = 0.0,
) -> StoryReport:
    """Tell every act: change the world, launch a round, wait until it settled, compare.

    `launch` sends one probe by every route to every seed, `observe` returns the outcomes of that
    round once all are settled. `alarms` waits until incidents stand just where it is told, or as
    long as it sees fit, and returns those that do; without it nobody asks for incidents. `show`
    gets a scene whenever there is more to say; `pause_s` leaves time to read after each.
    """
    scenes: list[Scene] = []
    for act in ACTS:
        show(Scene(act))
        await asyncio.sleep(pause_s)
        act.change(world)
        await launch()
        scene = seen(act, await observe())
        show(scene)
        await asyncio.sleep(pause_s)
        if alarms is not None:
            scene = heard(scene, await alarms(act.alarms))
            show(scene)
            await asyncio.sleep(pause_s)
        scenes.append(scene)
    return StoryReport(tuple(scenes))


def seen(act: Act, outcomes: Sequence[Outcome]) -> Scene:
    """The scene in which a round has settled."""
    surprises = [s for wish in act.expectations for s in wish.surprises(outcomes)]
    return Scene(act, tuple(outcomes), None, tuple(surprises))


def heard(scene: Scene, alarms: Sequence[Alarm]) -> Scene:
    """The scene in which the incidents stand as they will."""
    standing = {alarm.place for alarm in alarms}
    surprises = [
        *(f"no incident at {_place(place)}" for place in sorted(scene.act.alarms - standing)),
        *(f"an incident at {_place(place)}" for place in sorted(standing - scene.act.alarms)),
    ]
    return replace(scene, alarms=tuple(alarms), surprises=(*scene.surprises, *surprises))


def _place(place: Place) -> str:
    route, provider, cause = place
    return f"{route} → {provider} ({cause})"
