"""The story comes true in the embedded world, and says so when it does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from daemon.demo.story import (
    ACTS,
    PROVIDERS,
    ROUTES,
    Alarm,
    Expectation,
    Outcome,
    Place,
    Scene,
    tell,
)
from probes.observation import Finding, Placement, Severity
from tests.daemon.demo.watcher import Watcher

if TYPE_CHECKING:
    from daemon.demo.world import DemoWorld


async def test_the_story_comes_true_on_real_mail(world: DemoWorld) -> None:
    watcher, shown = Watcher.of(world.settings_file), list[Scene]()
    report = await tell(world, watcher.launch, watcher.observe, shown.append)
    assert [scene.surprises for scene in report.scenes] == [()] * len(ACTS)
    assert report.came_true
    assert [(scene.act.name, scene.outcomes is None) for scene in shown] == [
        (act.name, begins) for act in ACTS for begins in (True, False)
    ]
    assert all(len(scene.outcomes or ()) == 9 for scene in report.scenes)


async def test_a_world_that_plays_otherwise_is_found_out(world: DemoWorld) -> None:
    watcher = Watcher.of(world.settings_file)

    async def sabotage() -> None:
        world.providers["gmail"].file_as_spam("fallback")
        await watcher.launch()

    report = await tell(world, sabotage, watcher.observe, lambda _: None)
    assert not report.came_true
    for scene in report.scenes:
        assert scene.surprises == ("fallback → gmail: placed in spam, expected inbox or tab",)


async def test_the_report_is_one_json_object(world: DemoWorld) -> None:
    async def nothing() -> list[Outcome]:
        return [Outcome("primary", "yahoo", Placement.SPAM, (passed("spf"),))]

    async def launched() -> None:
        pass

    report = json.loads(json.dumps((await tell(world, launched, nothing, shown)).as_json()))
    assert report["came_true"] is False
    assert [act["act"] for act in report["acts"]] == [act.name for act in ACTS]
    assert report["acts"][0]["seen"] == [
        {
            "route": "primary",
            "provider": "yahoo",
            "placement": "spam",
            "statuses": {"spf": "pass"},
        }
    ]
    assert "primary → gmail: no probe was seen" in report["acts"][0]["surprises"]


async def test_an_incident_that_does_not_come_or_should_not_have_come_is_a_surprise(
    world: DemoWorld,
) -> None:
    watcher = Watcher.of(world.settings_file)

    async def always_the_same(_wanted: frozenset[Place]) -> list[Alarm]:
        return [Alarm("primary", "yahoo", "route", "because", 7.0)]

    report = await tell(
        world, watcher.launch, watcher.observe, lambda _: None, alarms=always_the_same
    )
    surprises = {scene.act.name: scene.surprises for scene in report.scenes}
    assert surprises["yahoo files into spam"] == ()
    assert surprises["all lands"] == ("an incident at primary → yahoo (route)",)
    assert "no incident at primary → gmail (authentication)" in surprises["dkim breaks"]


def shown(scene: Scene) -> None:
    assert scene.act in ACTS


def passed(check: str, status: str = "pass") -> Finding:
    return Finding(check, status, Severity.OK, "")


ALL_PASS = (passed("spf"), passed("dkim"), passed("dmarc"))


@pytest.mark.parametrize(
    ("outcome", "surprise"),
    [
        (Outcome("primary", "gmail", Placement.INBOX, ALL_PASS), None),
        (Outcome("primary", "gmail", Placement.TAB, ALL_PASS), None),
        (
            Outcome("primary", "gmail", Placement.MISSING, ALL_PASS),
            "primary → gmail: placed in missing, expected inbox or tab",
        ),
        (
            Outcome("primary", "gmail", Placement.INBOX, ALL_PASS[:2]),
            "primary → gmail: dmarc is not examined, expected pass",
        ),
        (
            Outcome("primary", "gmail", Placement.INBOX, (*ALL_PASS, passed("dkim", "fail"))),
            "primary → gmail: dkim is pass/fail, expected pass",
        ),
        (
            Outcome("primary", "yahoo", Placement.INBOX, ALL_PASS),
            "primary → gmail: no probe was seen",
        ),
    ],
)
def test_an_expectation_names_each_difference(outcome: Outcome, surprise: str | None) -> None:
    found = Expectation("primary", "gmail").surprises([outcome])
    assert found == ([surprise] if surprise else [])


def test_every_act_expects_something_of_every_route_at_every_provider() -> None:
    everywhere = {(route, provider) for route in ROUTES for provider in PROVIDERS}
    for act in ACTS:
        assert {(wish.route, wish.provider) for wish in act.expectations} == everywhere


def test_only_the_named_acts_expect_spam() -> None:
    spam = {
        act.name: [
            (wish.route, wish.provider)
            for wish in act.expectations
            if Placement.SPAM in wish.placements
        ]
        for act in ACTS
    }
    assert spam == {
        "all lands": [],
        "yahoo files into spam": [("primary", "yahoo")],
        "dkim breaks": [("primary", provider) for provider in PROVIDERS],
        "recovery": [],
    }
