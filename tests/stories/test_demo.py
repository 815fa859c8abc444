"""`receiptwatch demo`: the story comes true, and says so to people and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.demo.story import ACTS
from tests.stories.programs import receiptwatch

if TYPE_CHECKING:
    from daemon.demo.stage import Stage


async def test_the_demo_tells_its_story_and_ends_with_one_json_object() -> None:
    told = await receiptwatch("demo", "--once", "--json")
    assert told.code == 0, told.err
    assert told.json["came_true"] is True
    assert [act["act"] for act in told.json["acts"]] == [act.name for act in ACTS]
    assert all(len(act["seen"]) == 9 for act in told.json["acts"])


async def test_the_demo_explains_itself_to_a_person() -> None:
    told = await receiptwatch("demo", "--once")
    assert told.code == 0, told.err
    assert "Status page" in told.out
    assert "The story came true" in told.out


async def test_a_story_that_does_not_come_true_is_not_reported_as_true(on_stage: Stage) -> None:
    recover = on_stage.world.recover

    def never_quite() -> None:
        recover()
        on_stage.world.providers["gmail"].file_as_spam(route="fallback")

    on_stage.world.recover = never_quite  # type: ignore[method-assign]
    report = await on_stage.tell(lambda _scene: None, pause_s=0)
    assert not report.came_true
    assert any("fallback → gmail: placed in spam" in s for s in report.scenes[0].surprises)
