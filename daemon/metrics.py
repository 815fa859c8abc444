"""Every metric of the service, each once, with its label values.

No address and no order number is ever a label. Every label set that the settings allow is
initialised, so that a rate over a counter that never moved is 0 and not absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)

from daemon.mail_metrics import MailMetrics
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

disable_created_metrics()  # type: ignore[no-untyped-call]

LATENCY_BUCKETS = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
OUTCOMES = ("accepted", "deferred", "rejected", "failed")
NOTICE_OUTCOMES = ("sent", "put_off", "failed")
PING_OUTCOMES = ("sent", "failed")
CAUSES = ("authentication", "provider", "seed", "content", "route")
NO_PROVIDER = ""
"""Of an incident that is about order mail, at whichever provider."""
MAIL_CAUSES = ("authentication", "refused")
"""Why a route does not take order mail at all."""
ROUTE = ("shop", "route", "provider")


class Metrics:
    """The service's metrics in a registry of their own."""

    def __init__(self, version: str) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, labels: Iterable[str] = ()) -> Counter:
            return Counter(f"receiptwatch_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
            return Gauge(f"receiptwatch_{name}", text, labels, registry=registry)

        Info("receiptwatch_build", "The running program.", registry=registry).info(
            {"version": version}
        )
        self.submissions = counter(
            "probe_submissions", "Probes handed to a route, by its answer.", (*ROUTE, "outcome")
        )
        self.placements = counter(
            "probe_placements", "Probes settled, by first placement.", (*ROUTE, "placement")
        )
        self.latency = Histogram(
            "receiptwatch_probe_latency_seconds",
            "From the route's 250 to the provider's own Received.",
            ROUTE,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.moves = counter(
            "probe_moves", "Probes that a provider moved after delivery.", (*ROUTE, "placement")
        )
        self.copies = counter(
            "probe_copies", "Further copies of a probe already found; never counted.", ("seed",)
        )
        self.forged = counter(
            "probe_forgeries", "Messages with a token that we did not sign.", ("seed",)
        )
        self.findings = counter(
            "findings", "Findings on probes, by status.", ("shop", "route", "check", "status")
        )
        self.open_probes = gauge("probes_open", "Probes still looked for.", ("provider",))
        self.seed_day = gauge(
            "seed_probes_last_day", "Probes sent to a seed in the last 24 hours.", ("seed",)
        )
        self.seed_cap = gauge(
            "seed_probes_per_day_limit", "The most probes a seed gets in 24 hours.", ("seed",)
        )
        self.mailbox_up = gauge(
            "mailbox_up", "1 when the last look into the mailbox succeeded.", ("seed", "provider")
        )
        self.mailbox_look = gauge(
            "mailbox_last_look_timestamp_seconds", "The last complete look.", ("seed", "provider")
        )
        self.mailbox_commands = counter("mailbox_commands", "IMAP commands sent.", ("seed",))
        self.standing = gauge(
            "standing_probability",
            "What is believed of a route at a provider, by cell of the filter.",
            (*ROUTE, "cell"),
        )
        self.standing_bad = gauge(
            "standing_bad_probability", "How likely it is that receipts do not land.", ROUTE
        )
        self.incident_open = gauge(
            "incident_open", "1 while an incident is open.", (*ROUTE, "cause")
        )
        self.incidents = counter("incidents", "Incidents opened, by cause.", ("shop", "cause"))
        self.seed_faults = counter("seed_faults", "Seeds found locked or flipped.", ("seed",))
        self.mail = MailMetrics(registry)
        self.notices = counter(
            "notices", "Notices by channel, kind and outcome.", ("channel", "kind", "outcome")
        )
        self.pings = counter(
            "heartbeat_pings", "Signs of life to the dead man's switch, by outcome.", ("outcome",)
        )
        for outcome in PING_OUTCOMES:
            self.pings.labels(outcome)
        self.heartbeat = gauge(
            "heartbeat_timestamp_seconds", "When each loop last came round.", ("loop",)
        )
        self.reload_ok = gauge(
            "config_last_reload_successful", "1 when the last reload of the settings succeeded."
        )
        self.reload_at = gauge(
            "config_last_reload_success_timestamp_seconds", "The last successful reload."
        )

    def expect_route(self, shop: str, route: str, providers: Iterable[str]) -> None:
        """Initialise every label set of a route."""
        for provider in providers:
            for outcome in OUTCOMES:
                self.submissions.labels(shop, route, provider, outcome)
            for placement in Placement:
                self.placements.labels(shop, route, provider, placement)
                self.moves.labels(shop, route, provider, placement)
            for cause in CAUSES:
                self.incident_open.labels(shop, route, provider, cause)
                self.incidents.labels(shop, cause)
            self.latency.labels(shop, route, provider)
        for cause in MAIL_CAUSES:
            self.incident_open.labels(shop, route, NO_PROVIDER, cause)
        self.incident_open.labels(shop, "", NO_PROVIDER, "held")
        self.incidents.labels(shop, "refused")
        self.incidents.labels(shop, "held")

    def expect_seed(self, seed: str, provider: str, cap: int) -> None:
        """Initialise every label set of a seed."""
        for per_seed in (self.copies, self.forged, self.mailbox_commands, self.seed_faults):
            per_seed.labels(seed)
        self.seed_day.labels(seed)
        self.seed_cap.labels(seed).set(cap)
        self.open_probes.labels(provider)
        self.mailbox_up.labels(seed, provider)
        self.mailbox_look.labels(seed, provider)

    def expect_channel(self, channel: str, kinds: Iterable[str]) -> None:
        """Initialise every label set of an alert channel."""
        for kind in kinds:
            for outcome in NOTICE_OUTCOMES:
                self.notices.labels(channel, kind, outcome)

    def forget_gauges(self) -> None:
        """Forget what was said of seeds and loops, of which some may exist no more."""
        for gauge in (
            *(self.open_probes, self.seed_day, self.seed_cap),
            *(self.mailbox_up, self.mailbox_look, self.heartbeat),
        ):
            gauge.clear()
        self.mail.forget_gauges()

    def reloaded(self, *, ok: bool, at: datetime) -> None:
        """Record the outcome of loading the settings."""
        self.reload_ok.set(int(ok))
        if ok:
            self.reload_at.set(at.timestamp())
