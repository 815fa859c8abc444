"""The dashboards, read as Grafana reads them."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import yaml

from tests.operations import expressions
from tests.operations.expressions import CONFIG, DASHBOARDS

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"none", "short", "percentunit", "s", "cps"}
UIDS = {
    "owner": "receiptwatch-owner",
    "operator": "receiptwatch-operator",
    "order_mail": "receiptwatch-order-mail",
}

boards = pytest.mark.parametrize("name", sorted(UIDS))


def board(name: str) -> dict[str, Any]:
    return expressions.dashboards()[name]


def variables(name: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in board(name)["templating"]["list"]}


def test_they_have_names_that_links_may_rely_on() -> None:
    assert {file.stem: board(file.stem)["uid"] for file in DASHBOARDS} == UIDS
    assert all(1 <= len(uid) <= 40 for uid in UIDS.values())


@boards
def test_a_dashboard_asks_whichever_prometheus_is_chosen(name: str) -> None:
    chosen = variables(name)["datasource"]
    assert (chosen["type"], chosen["query"]) == ("datasource", "prometheus")
    queried = [entry for entry in variables(name).values() if entry["type"] == "query"]
    targets = [target for panel in expressions.panels(board(name)) for target in panel["targets"]]
    for asks in (*expressions.panels(board(name)), *targets, *queried):
        assert asks["datasource"] == DATASOURCE


@boards
def test_every_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    for panel in expressions.panels(board(name)):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)), panel["title"]
        assert all(target["expr"].strip() for target in panel["targets"]), panel["title"]


@boards
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    everything = board(name)["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in everything)
        for x, y in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        )
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@boards
def test_every_variable_is_declared_and_used(name: str) -> None:
    declared = variables(name)
    used = set().union(*(expression.variables for expression in expressions.of_dashboard(name)))
    in_queries = re.findall(r"\$(\w+)", str([entry["query"] for entry in declared.values()]))
    assert used | set(in_queries) == declared.keys() - {"datasource"}


@boards
def test_the_choices_of_a_variable_come_from_series_that_exist(name: str) -> None:
    for entry in variables(name).values():
        if entry["type"] == "query":
            [asked] = re.findall(r"label_values\((receiptwatch_\w+)", entry["query"]["query"])
            assert asked in expressions.exposed_names()


@boards
def test_a_share_is_never_shown_without_its_count(name: str) -> None:
    read = set().union(*(expression.recorded for expression in expressions.of_dashboard(name)))
    counts = {
        "shop_route_provider:receiptwatch_probes_visible_ratio:increase1d": (
            "shop_route_provider:receiptwatch_probes_observed:increase1d"
        ),
        "shop_route:receiptwatch_probe_submissions_refused_ratio:increase3h": (
            "shop_route:receiptwatch_probe_submissions:increase3h"
        ),
        "shop:receiptwatch_mail_brought_refused_ratio:increase1h": (
            "shop:receiptwatch_mail_brought:increase1h"
        ),
        "shop_route:receiptwatch_mail_rulings_failed_ratio:increase1h": (
            "shop_route:receiptwatch_mail_rulings:increase1h"
        ),
    }
    assert all(count in read for share, count in counts.items() if share in read)
    assert read & counts.keys()


@boards
def test_a_table_names_every_column_that_it_gets(name: str) -> None:
    for panel in expressions.panels(board(name)):
        if panel["type"] != "table":
            continue
        several = len(panel["targets"]) > 1
        values = {f"Value #{t['refId']}" if several else "Value" for t in panel["targets"]}
        labels = [
            set(re.findall(r"\w+", by))
            for by in re.findall(r"by \(([^)]*)\)", str(panel["targets"]))
        ]
        _, organize = panel["transformations"]
        assert organize["options"]["renameByName"].keys() == values | set().union(*labels)
        assert all(target["format"] == "table" for target in panel["targets"])


@boards
def test_links_lead_to_the_other_dashboards(name: str) -> None:
    links = {link["url"]: link["title"] for link in board(name)["links"]}
    others = {f"/d/{uid}": board(other)["title"] for other, uid in UIDS.items() if other != name}
    assert links == others


def provisioned(kind: str) -> dict[str, Any]:
    [file] = (CONFIG / "grafana" / "provisioning" / kind).glob("*.yml")
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def test_grafana_finds_its_datasource_and_its_dashboards_in_compose() -> None:
    services = yaml.safe_load((CONFIG / "deploy" / "compose.yaml").read_text())["services"]
    [source] = provisioned("datasources")["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert services["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]
    [provider] = provisioned("dashboards")["providers"]
    folder = provider["options"]["path"]
    assert f"../grafana/dashboards:{folder}:ro" in services["grafana"]["volumes"]


def test_the_rate_interval_knows_how_often_prometheus_scrapes() -> None:
    prometheus = yaml.safe_load((CONFIG / "prometheus" / "prometheus.yml").read_text())
    [source] = provisioned("datasources")["datasources"]
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
