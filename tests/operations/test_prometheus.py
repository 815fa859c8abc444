"""What a real Prometheus gets from the real service, asks of it, and tells an Alertmanager."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations import expressions
from tests.stories.programs import until

if TYPE_CHECKING:
    from tests.operations.expressions import Expression
    from tests.operations.watching import Watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYTHING = dict.fromkeys(("shop", "route", "provider"), ".*")
CHOSEN = {"owner": {"shop": "demo"}, "operator": EVERYTHING, "order_mail": EVERYTHING}
WITHIN_S = 5.0


def named(found: list[Expression]) -> list[Any]:
    return [pytest.param(expression, id=expression.where) for expression in found]


@pytest.mark.parametrize("recorded", named(expressions.of_recordings()))
async def test_every_recording_rule_records(watched: Watched, recorded: Expression) -> None:
    assert await until(lambda: watched.ask(recorded.expr), within_s=WITHIN_S)
    assert await until(lambda: watched.ask(recorded.where), within_s=WITHIN_S)


@pytest.mark.parametrize("panel", named(expressions.of_dashboards()))
async def test_every_panel_shows_data(watched: Watched, panel: Expression) -> None:
    filled = panel.filled(**CHOSEN[panel.where.partition(":")[0]])
    assert await until(lambda: watched.ask(filled), within_s=WITHIN_S)


@pytest.mark.parametrize("alert", named(expressions.of_alerts()))
async def test_every_alert_reads_series_that_are_there_and_is_silent_while_all_is_well(
    watched: Watched, alert: Expression
) -> None:
    assert alert.as_truth() != alert.expr
    assert set(await until(lambda: watched.ask(alert.as_truth()), within_s=WITHIN_S)) == {0.0}
    assert await watched.ask(alert.expr) == []


async def test_a_share_its_count_and_its_interval_agree(watched: Watched) -> None:
    of = "shop_route_provider:receiptwatch_probes_{}:increase1d{{shop='demo',route='primary'}}"
    names = ("visible", "observed", "visible_ratio", "visible_ratio_low", "visible_ratio_high")

    async def of_one_evaluation() -> list[list[float]]:
        instant = time.time() - 2  # every rule has been through
        answers = [await watched.ask(of.format(name), instant) for name in names]
        return answers if {len(lanes) for lanes in answers} == {3} else []

    for k, n, share, low, high in zip(*await until(of_one_evaluation), strict=True):
        assert 0 < k <= n
        assert share == pytest.approx(k / n)
        assert 0 < low < share
        assert share <= high + 1e-9 < 1 + 1e-8


async def test_an_alert_goes_through_the_alertmanager_and_its_end_too(watched: Watched) -> None:
    file = watched.stage.world.settings_file
    good = file.read_text()
    file.write_text(good.replace("cadence:", "cadense:"))
    assert await watched.reload() == 422
    [alert] = (await watched.heard("SettingsReloadFailed", "firing"))["alerts"]
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["runbook_url"] == "README.md#alert-settingsreloadfailed"
    assert alert["labels"]["instance"] in alert["annotations"]["description"]
    file.write_text(good)
    assert await watched.reload() == 200
    assert (await watched.heard("SettingsReloadFailed", "resolved"))["alerts"]


ABOUT = ("shop", "route", "provider", "seed")


SILENCES = [
    ("ReceiptsNotLanding", "ReceiptsInDoubt"),
    ("ProbeMailboxStopped", "ProbeMailboxDown"),
    ("ProbeMailboxStopped", "ProbeMailboxNotLookedInto"),
    ("ProbeMailboxDown", "ProbeMailboxNotLookedInto"),
    ("RouteRefusesMail", "MailGoesByFallback"),
]


@pytest.mark.parametrize(("source", "target"), SILENCES)
async def test_the_greater_of_two_alerts_silences_the_lesser(
    watched: Watched, source: str, target: str
) -> None:
    known = {alert.where for alert in expressions.of_alerts()}
    assert {source, target} <= known
    url = f"http://{watched.alertmanager}/api/v2/alerts"

    async def post(name: str, where: str) -> None:
        labels = {"alertname": name, **dict.fromkeys(ABOUT, where)}
        assert (await watched.http.post(url, json=[{"labels": labels}])).status_code == 200

    async def state(where: str) -> str:
        query = {"filter": [f'alertname="{target}"', f'seed="{where}"']}
        [alert] = (await watched.http.get(url, params=query)).json()
        return str(alert["status"]["state"])

    here, there = f"{source} over {target}", f"{target} alone"
    await post(source, here)
    await post(target, here)
    await post(target, there)
    assert await until(partial(is_, state, here, "suppressed"), within_s=WITHIN_S)
    assert await until(partial(is_, state, there, "active"), within_s=WITHIN_S)


async def is_(state: Any, where: str, wanted: str) -> bool:
    return bool(await state(where) == wanted)
