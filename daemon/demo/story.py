"""The story that the demo tells: acts, what each changes, and what must then be seen.

Pure description and comparison; whoever tells it brings a world, a way to launch one round of
probes, a way to observe what became of them, and a way to show it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
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
    """What is shown: an act that begins (`outcomes` None), or what was seen in it."""

    act: Act
    outcomes: tuple[Outcome, ...] | None = None
    surprises: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The scene as a JSON object."""
        return {
            "act": self.act.name,
            "sentence": self.act.sentence,
            "came_true": not self.surprises,
            "surprises": list(self.surprises),
            "seen": [outcome.as_json() for outcome in self.outcomes or ()],
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
    pause_s: float = 0.0,
) -> StoryReport:
    """Tell every act: change the world, launch a round, wait until it settled, compare.

    `launch` sends one probe by every route to every seed, `observe` returns the outcomes of that
    round once all are settled. `show` gets a scene when an act begins and one when it ends;
    `pause_s` leaves time to read after each.
    """
    scenes: list[Scene] = []
    for act in ACTS:
        show(Scene(act))
        await asyncio.sleep(pause_s)
        act.change(world)
        await launch()
        outcomes = tuple(await observe())
        surprises = [s for wish in act.expectations for s in wish.surprises(outcomes)]
        scenes.append(Scene(act, outcomes, tuple(surprises)))
        show(scenes[-1])
        await asyncio.sleep(pause_s)
    return StoryReport(tuple(scenes))
