"""Every metric is listed once, named by the book, initialised, and described in the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import generate_latest

from daemon.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

README = Path(__file__).resolve().parents[2] / "README.md"
FORBIDDEN = {"address", "recipient", "order", "order_number", "email", "token", "probe"}


def families() -> dict[str, tuple[str, str]]:
    """name → (type, help) of every family of a fresh registry."""
    return {f.name: (f.type, f.documentation) for f in Metrics("1.2.3").registry.collect()}


def samples(metrics: Metrics) -> list[Sample]:
    return [sample for family in metrics.registry.collect() for sample in family.samples]


def test_the_readme_lists_every_metric_with_its_meaning() -> None:
    readme = README.read_text()
    for name, (kind, text) in families().items():
        shown = f"{name}_total" if kind == "counter" else name
        assert f"| `{shown.removeprefix('receiptwatch_')}` | {kind} | {text} |" in readme


def test_names_follow_prometheus() -> None:
    for name, (kind, _text) in families().items():
        assert name.startswith("receiptwatch_")
        assert re.fullmatch(r"[a-z0-9_]+", name)
        assert not (kind != "counter" and name.endswith("_total"))


def test_no_label_can_hold_an_address_or_an_order() -> None:
    metrics = Metrics("1.2.3")
    metrics.expect_route("demo", "primary", ["gmail"])
    metrics.expect_seed("gmail-1", "gmail", 130)
    assert not {label for sample in samples(metrics) for label in sample.labels} & FORBIDDEN


def test_what_never_happened_is_0_and_not_absent() -> None:
    metrics = Metrics("1.2.3")
    metrics.expect_route("demo", "primary", ["gmail"])
    metrics.expect_seed("gmail-1", "gmail", 130)
    text = generate_latest(metrics.registry).decode()
    lane = 'provider="gmail",route="primary",shop="demo"'
    assert f'receiptwatch_probe_placements_total{{placement="spam",{lane}}} 0.0' in text
    assert f'receiptwatch_probe_submissions_total{{outcome="rejected",{lane}}} 0.0' in text
    assert f"receiptwatch_probe_latency_seconds_count{{{lane}}} 0.0" in text
    assert 'receiptwatch_probe_forgeries_total{seed="gmail-1"} 0.0' in text
