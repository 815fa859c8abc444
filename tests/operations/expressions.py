"""Every PromQL expression that is shipped, with where it stands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from daemon.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
RULES = sorted((CONFIG / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((CONFIG / "grafana" / "dashboards").glob("*.json"))

_RECORDED = re.compile(r"\w+:receiptwatch_\w+:\w+")
_EXPOSED = re.compile(r"(?<![\w:])receiptwatch_\w+")
_COMPARISON = re.compile(r" (==|!=|<=|>=|<|>) (?=\d)")


@dataclass(frozen=True, slots=True)
class Expression:
    """`where` names the file and the alert, recorded series or panel that asks `expr`."""

    where: str
    expr: str

    @property
    def recorded(self) -> set[str]:
        """The recorded series that it reads."""
        return set(_RECORDED.findall(self.expr))

    @property
    def exposed(self) -> set[str]:
        """The service's own series that it reads."""
        return set(_EXPOSED.findall(self.expr))

    @property
    def variables(self) -> set[str]:
        """Names of the dashboard's variables in it; Grafana's own begin with two underscores."""
        return set(re.findall(r"\$(?!__)(\w+)", self.expr))

    def filled(self, **values: str) -> str:
        """The expression as Grafana would send it, with these values for its variables."""
        own = {"__range": "1h", "__rate_interval": "1m"}
        return re.sub(r"\$(\w+)", lambda name: {**own, **values}[name[1]], self.expr)

    def as_truth(self) -> str:
        """The same question, answered with 0 and 1 instead of nothing and something."""
        return _COMPARISON.sub(r" \1 bool ", self.expr)


@cache
def groups() -> list[dict[str, Any]]:
    """All groups of rules."""
    return [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]


def alerts() -> list[dict[str, Any]]:
    """All alert rules."""
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def recordings() -> list[dict[str, Any]]:
    """All recording rules."""
    return [rule for group in groups() for rule in group["rules"] if "record" in rule]


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards by the stem of their file."""
    return {file.stem: json.loads(file.read_text()) for file in DASHBOARDS}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """A dashboard's panels without its rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def of_alerts() -> list[Expression]:
    """What the alert rules ask."""
    return [Expression(rule["alert"], rule["expr"]) for rule in alerts()]


def of_recordings() -> list[Expression]:
    """What the recording rules ask."""
    return [Expression(rule["record"], rule["expr"]) for rule in recordings()]


def of_dashboard(name: str) -> list[Expression]:
    """What the panels of a dashboard ask."""
    return [
        Expression(f"{name}: {panel['title']} {target['refId']}", target["expr"])
        for panel in panels(dashboards()[name])
        for target in panel["targets"]
    ]


def of_dashboards() -> list[Expression]:
    """What the panels of all dashboards ask."""
    return [expression for name in dashboards() for expression in of_dashboard(name)]


def everything() -> list[Expression]:
    """All of them."""
    return [*of_recordings(), *of_alerts(), *of_dashboards()]


def exposed_names() -> set[str]:
    """The names of all series that the service can expose."""
    return set(_exposed(Metrics("0")))


def _exposed(metrics: Metrics) -> Iterator[str]:
    for family in metrics.registry.collect():
        endings = {"counter": ["_total"], "info": ["_info"], "histogram": ["_bucket"]}
        for ending in endings.get(family.type, [""]):
            yield family.name + ending
