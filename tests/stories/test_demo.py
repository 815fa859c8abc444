"""`receiptwatch demo`: the story comes true, and says so to people and machines."""

from __future__ import annotations

from daemon.demo.story import ACTS
from tests.stories.programs import receiptwatch


async def test_the_demo_tells_its_story_to_people_and_machines_and_it_comes_true() -> None:
    told = await receiptwatch("demo", "--once", "--json")
    assert told.code == 0, told.err
    assert "Status page" in told.err
    assert "The story came true" in told.err
    assert told.json["came_true"] is True
    assert [act["act"] for act in told.json["acts"]] == [act.name for act in ACTS]
    assert all(len(act["seen"]) == 27 for act in told.json["acts"])
    incidents = {
        act["act"]: {(i["provider"], i["cause"]) for i in act["incidents"]}
        for act in told.json["acts"]
    }
    assert incidents == {
        "all lands": set(),
        "yahoo files into spam": {("yahoo", "route")},
        "dkim breaks": {(p, "authentication") for p in ("gmail", "outlook", "yahoo")},
        "recovery": set(),
    }
