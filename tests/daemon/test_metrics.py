"""Every metric is listed once, named by the book, initialised, and described in the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import generate_latest

from daemon import mail_metrics
from daemon.intake.bounces.verdict import BounceKind, NoBounceKind
from daemon.intake.house import Event
from daemon.ledger.bounces import Recorded
from daemon.metrics import Metrics
from daemon.rounds import read_bounces
from daemon.rulings.way_out import Choice, Ending, Reason
from probes.observation import Fault

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


def test_what_is_expected_of_order_mail_is_what_can_happen_to_it() -> None:
    aside = {read_bounces.FLOOD, read_bounces.FORGED, Recorded.DUPLICATE, *NoBounceKind}
    assert set(mail_metrics.EVENTS) == set(Event)
    assert set(mail_metrics.ENDINGS) == set(Ending)
    assert {choice for choice, _ in mail_metrics.RULINGS} == set(Choice)
    assert {reason for _, reason in mail_metrics.RULINGS} == set(Reason)
    assert set(mail_metrics.FAULTS) == set(Fault)
    assert set(mail_metrics.FAILED) == {read_bounces.UNLINKED, *BounceKind}
    assert set(mail_metrics.ASIDE) == aside


def test_the_first_bounce_and_the_first_refusal_are_an_increase() -> None:
    metrics = Metrics("1.2.3")
    metrics.mail.expect("demo", ["primary"])
    before = {(s.name, *sorted(s.labels.items())) for s in samples(metrics)}
    metrics.mail.bounces.labels("demo", "bounce", Fault.SENDER).inc()
    metrics.mail.ended("demo", "primary", Choice.FAIL_OVER, Reason.ROUTE_REFUSED)
    metrics.mail.taken_in(Event.REFUSED, None)
    metrics.mail.taken_in(Event.PUT_OFF, "demo")
    assert {(s.name, *sorted(s.labels.items())) for s in samples(metrics)} == before


def test_a_shop_that_was_removed_is_forgotten_by_the_gauges() -> None:
    metrics = Metrics("1.2.3")
    metrics.mail.bounce_mailbox_up.labels("gone").set(0)
    metrics.mail.oldest.labels("gone").set(3600)
    metrics.forget_gauges()
    assert not [sample for sample in samples(metrics) if sample.labels.get("shop") == "gone"]
