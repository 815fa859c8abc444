"""Other programs read incidents and say that somebody is on them; nobody does so unasked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2
import pytest

from daemon.ledger import incidents
from daemon.ledger.incidents import IncidentRow
from daemon.lifecycles.incident import IncidentState
from daemon.rounds.full_round import results_of
from tests.stories.programs import address, change, receiptwatch, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.demo.stage import Stage

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
INCIDENT = IncidentRow(
    id="i-00ff00ff00ff",
    shop="demo",
    route="primary",
    provider="yahoo",
    seed=None,
    state=IncidentState.OPEN,
    cause="route",
    probability=0.91,
    why="Yahoo: 2 of 3 <b>inboxes</b> put their receipts into spam.",
    facts={"seeds": 3},
    evidence=("4K7M2QX9TB00",),
    opened_at=AT,
    changed_at=AT,
    acknowledged_at=None,
    acknowledged_by=None,
    resolved_at=None,
    episode=1,
)


@pytest.fixture
async def http(on_stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    token = on_stage.world.settings_file.with_name("api.token")
    token.write_text("let-me-in\n")
    token.chmod(0o600)
    change(on_stage.world.settings_file, api_token_file=str(token))
    assert await on_stage.service.reload() is None
    async with on_stage.service.engine.around.ledger.write() as conn:
        assert await incidents.open_(conn, INCIDENT)
    base = address(on_stage.world.settings_file, "console")
    async with httpx2.AsyncClient(base_url=base, timeout=10) as client:
        yield client


BEARER = {"Authorization": "Bearer let-me-in"}
ACKNOWLEDGE = f"/api/v1/incidents/{INCIDENT.id}/acknowledge"


async def test_incidents_are_listed_for_the_shop_that_asks(http: httpx2.AsyncClient) -> None:
    [listed] = (await http.get("/api/v1/incidents?shop=demo")).json()["incidents"]
    assert (listed["id"], listed["cause"], listed["evidence"]) == (
        INCIDENT.id,
        "route",
        ["4K7M2QX9TB00"],
    )
    assert (await http.get("/api/v1/incidents?shop=another")).json() == {"incidents": []}


async def test_the_page_shows_the_incident_and_runs_nothing_in_it(http: httpx2.AsyncClient) -> None:
    page = (await http.get("/")).text
    assert "2 of 3 &lt;b&gt;inboxes&lt;/b&gt; put their receipts into spam" in page


async def test_with_the_token_an_incident_is_acknowledged_once_and_by_the_first(
    http: httpx2.AsyncClient,
) -> None:
    done = (await http.post(ACKNOWLEDGE, json={"by": "Mina"}, headers=BEARER)).json()
    assert (done["state"], done["acknowledged_by"]) == ("acknowledged", "Mina")
    again = (await http.post(ACKNOWLEDGE, json={"by": "Omid"}, headers=BEARER)).json()
    assert again["acknowledged_by"] == "Mina"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_without_the_token_nothing_changes(
    http: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    refused = await http.post(ACKNOWLEDGE, json={"by": "Mallory"}, headers=headers)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    [listed] = (await http.get("/api/v1/incidents")).json()["incidents"]
    assert listed["acknowledged_by"] is None


async def test_a_page_of_another_origin_changes_nothing(http: httpx2.AsyncClient) -> None:
    foreign = {**BEARER, "Origin": "https://evil.example"}
    assert (await http.post(ACKNOWLEDGE, json={"by": "x"}, headers=foreign)).status_code == 403


async def test_an_unknown_incident_is_said_to_be_unknown(http: httpx2.AsyncClient) -> None:
    unknown = await http.post(
        "/api/v1/incidents/i-0123/acknowledge", json={"by": "x"}, headers=BEARER
    )
    assert unknown.status_code == 409
    assert unknown.json()["title"] == "There is no incident i-0123."


async def test_the_command_line_does_the_same(on_stage: Stage, http: httpx2.AsyncClient) -> None:
    config = on_stage.world.settings_file
    listed = await receiptwatch("incident", "list", "--json", "--config", config)
    assert [i["id"] for i in listed.json["incidents"]] == [INCIDENT.id]
    done = await receiptwatch("incident", "ack", INCIDENT.id, "--by", "Mina", "--config", config)
    assert done.code == 0, done.err
    assert "acknowledged by Mina" in done.out
    refused = await receiptwatch("incident", "ack", "i-0123", "--config", config)
    assert (refused.code, refused.err) == (1, "There is no incident i-0123.\n")
    [shown] = (await http.get("/api/v1/incidents")).json()["incidents"]
    assert shown["acknowledged_by"] == "Mina"


async def test_an_incident_is_shown_with_what_it_rests_on(on_stage: Stage) -> None:
    engine = on_stage.service.engine
    on_stage.world.break_dkim("primary")
    yahoo = [p for p in engine.pairs if (p.seed, p.route) == ("yahoo-1", "primary")]
    [probe] = await engine.launcher.launch_now(yahoo)

    async def judged() -> bool:
        return (await results_of(engine.around.ledger, [probe]))[0].settled

    await until(judged)
    async with engine.around.ledger.write() as conn:
        assert await incidents.open_(conn, replace(INCIDENT, evidence=(probe,)))
    config = on_stage.world.settings_file
    shown = (await receiptwatch("incident", "show", INCIDENT.id, "--json", "--config", config)).json
    assert {(f["check"], f["status"]) for f in shown["findings"]} >= {("dkim", "fail")}
    assert all(f["remedy"] for f in shown["findings"] if f["check"] == "dkim")
    assert "DKIM-Signature:" in shown["headers"]
    told = await receiptwatch("incident", "show", INCIDENT.id, "--config", config)
    assert told.code == 0, told.err
    assert "DKIM-Signature:" in told.out


async def test_an_incident_about_order_mail_shows_what_servers_said(on_stage: Stage) -> None:
    config = on_stage.world.settings_file
    facts = {"replies": ["login: 535 5.7.8 [b]wrong[/b]"], "remedy": "Check the password."}
    row = replace(INCIDENT, provider="comcast", cause="refused", facts=facts)
    async with on_stage.service.engine.around.ledger.write() as conn:
        assert await incidents.open_(conn, row)
    told = await receiptwatch("incident", "show", row.id, "--config", config)
    assert "login: 535 5.7.8 [b]wrong[/b]" in told.out
    assert "To do: Check the password." in told.out
    assert 'cause="refused",provider="comcast",route="primary",shop="demo"} 1.0' in (
        await _metrics(config)
    )
    dismissed = await receiptwatch("incident", "dismiss", row.id, "--config", config)
    assert dismissed.code == 0, dismissed.err
    assert 'provider="comcast"' not in await _metrics(config)


async def _metrics(config: Path) -> str:
    async with httpx2.AsyncClient(timeout=10) as client:
        return (await client.get(f"{address(config, 'metrics')}/metrics")).text
