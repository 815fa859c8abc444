"""The shipped rules: understood by the real programs, tested one by one, written by our rules."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.operations import expressions
from tests.operations.expressions import CONFIG, ROOT, RULES

UNIT_TESTS = sorted((CONFIG / "prometheus" / "tests").glob("*.yml"))
LINT = ("--lint=all", "--lint-fatal")
CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]+)+")
RECORDED = re.compile(r"(shop|route|provider|check|status|seed)(_\w+)?:receiptwatch_\w+:\w+")


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "config", *LINT, str(CONFIG / "prometheus" / "prometheus.yml")),
        ("promtool", "check", "rules", *LINT, *map(str, RULES)),
        ("amtool", "check-config", str(CONFIG / "alertmanager" / "alertmanager.yml")),
        *[("promtool", "test", "rules", str(file)) for file in UNIT_TESTS],
    ],
    ids=lambda command: " ".join(command[:3]).removeprefix(str(CONFIG)),
)
def test_the_real_program_is_content(command: tuple[str, ...]) -> None:
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_alerts_of_each_severity_go_to_the_operator(severity: str) -> None:
    file = f"--config.file={CONFIG / 'alertmanager' / 'alertmanager.yml'}"
    command = ("amtool", "config", "routes", "test", file, f"severity={severity}")
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert ended.stdout.split() == ["operator"]


def unit_tests(kind: str) -> list[dict[str, Any]]:
    suites = [suite for file in UNIT_TESTS for suite in yaml.safe_load(file.read_text())["tests"]]
    return [case for suite in suites for case in suite.get(kind, [])]


@pytest.mark.parametrize("rule", expressions.alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_is_silent(
    rule: dict[str, Any],
) -> None:
    cases = [case for case in unit_tests("alert_rule_test") if case["alertname"] == rule["alert"]]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


@pytest.mark.parametrize("rule", expressions.recordings(), ids=lambda rule: rule["record"])
def test_every_recorded_series_has_a_unit_test_of_its_value(rule: dict[str, Any]) -> None:
    cases = unit_tests("promql_expr_test")
    assert any(re.search(rf"{rule['record']}(?!\w)", case["expr"]) for case in cases)
    assert RECORDED.fullmatch(rule["record"])


@pytest.mark.parametrize("rule", expressions.alerts(), ids=lambda rule: rule["alert"])
def test_alerts_are_written_as_the_field_writes_them(rule: dict[str, Any]) -> None:
    assert CAMEL_CASE.fullmatch(rule["alert"])
    assert rule["labels"]["severity"] in {"warning", "critical"}
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert "{{" not in notes["summary"]
    assert "{{ $" in notes["description"]
    assert notes["runbook_url"] == f"README.md#alert-{rule['alert'].lower()}"


def test_the_runbook_has_a_section_for_every_alert_and_no_other() -> None:
    headings = re.findall(r"(?m)^### Alert: (\w+)$", (ROOT / "README.md").read_text())
    assert sorted(headings) == sorted(rule["alert"] for rule in expressions.alerts())


def test_names_of_rules_are_unique() -> None:
    names = [
        rule.get("alert") or rule["record"] for g in expressions.groups() for rule in g["rules"]
    ]
    assert len(names) == len(set(names)) > 20


def test_every_series_that_is_asked_for_exists() -> None:
    recorded = {rule["record"] for rule in expressions.recordings()}
    exposed = expressions.exposed_names()
    asked = expressions.everything()
    assert not set().union(*(expression.recorded for expression in asked)) - recorded
    assert not set().union(*(expression.exposed for expression in asked)) - exposed


def test_every_series_of_the_service_is_used() -> None:
    used = set().union(*(expression.exposed for expression in expressions.everything()))
    assert not expressions.exposed_names() - used
