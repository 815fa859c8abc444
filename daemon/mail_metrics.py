"""The metrics of order mail. No address and no order number is ever a label."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable

AGE_BUCKETS = (1, 2, 5, 10, 20, 60, 300, 600, 1800, 3600, 14_400, 86_400)
EVENTS = ("taken", "duplicate", "refused", "put_off", "login_refused", "turned_away")
ENDINGS = ("accepted", "deferred", "rejected", "unreached", "in_doubt")
WAITING = ("waiting", "in_hand", "in_doubt", "held")
RULINGS = (
    *(("accepted", "taken"), ("bounced", "address_refused"), ("in_doubt", "silent_after_dot")),
    *(("wait", reason) for reason in ("asked_to_wait", "no_other_route")),
    *(("fail_over", reason) for reason in ("route_refused", "route_unreached", "still_deferred")),
    *(("held", reason) for reason in ("all_refused", "no_other_route", "life_over")),
)
FAULTS = ("none", "sender", "seed", "network", "unknown")
FAILED = ("bounce", "delay", "complaint", "unlinked")
"""What comes back and says whose fault it is …"""
ASIDE = (
    *("autoreply", "vacation", "challenge", "list", "ordinary", "unreadable"),
    *("duplicate", "forged", "flood"),
)
"""… and what says nothing, or nothing new."""
NO_SHOP = ""


class MailMetrics:
    """How order mail comes in and goes out; its methods are the tallies that rounds are given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"receiptwatch_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"receiptwatch_{name}", text, labels, registry=registry)

        self.intake = counter("mail_intake", "Messages and connections, by fate.", "shop", "event")
        self.tries = counter(
            "mail_tries", "Tries to send order mail, by how they ended.", "shop", "route", "outcome"
        )
        self.rulings = counter(
            "mail_rulings",
            "What was done about a try of order mail, and why.",
            *("shop", "route", "choice", "reason"),
        )
        self.age = Histogram(
            "receiptwatch_mail_accepted_seconds",
            "From taking a message in to the next server's 250.",
            ("shop", "route"),
            buckets=AGE_BUCKETS,
            registry=registry,
        )
        self.unsigned_mail = counter(
            "mail_unsigned",
            "Messages sent without the signature that they should have.",
            *("shop", "route"),
        )
        self.forgeries = counter(
            "mail_forged_return_paths", "Bounces to return paths that we did not sign.", "shop"
        )
        self.bounces = counter(
            "mail_bounces", "What came back, by kind and whose fault.", "shop", "kind", "fault"
        )
        self.bounce_mailbox_up = gauge(
            "bounce_mailbox_up", "1 when the last look into it succeeded.", "shop"
        )
        self.queue = gauge(
            "mail_queue", "Mail that is still to be sent, or waits for a person.", "shop", "state"
        )
        self.oldest = gauge(
            "mail_oldest_due_seconds", "How long the mail has been due that waits longest.", "shop"
        )
        self.disk_low = gauge("disk_low", "1 while the disk is too full to take mail in.")

    def expect(self, shop: str, routes: Iterable[str]) -> None:
        """Initialise every label set of a shop."""
        for event in EVENTS:
            self.intake.labels(shop, event)
            self.intake.labels(NO_SHOP, event)
        for route in routes:
            for ending in ENDINGS:
                self.tries.labels(shop, route, ending)
            for choice, reason in RULINGS:
                self.rulings.labels(shop, route, choice, reason)
            self.age.labels(shop, route)
            self.unsigned_mail.labels(shop, route)
        for state in WAITING:
            self.queue.labels(shop, state)
        for kind, fault in (*product(FAILED, FAULTS), *product(ASIDE, ["none"])):
            self.bounces.labels(shop, kind, fault)
        self.forgeries.labels(shop)
        self.oldest.labels(shop)

    def forget_gauges(self) -> None:
        """Forget what was said of shops, of which some may exist no more."""
        for gauge in (self.bounce_mailbox_up, self.queue, self.oldest):
            gauge.clear()

    def taken_in(self, event: str, shop: str | None) -> None:
        """One thing happened at the intake."""
        self.intake.labels(shop or NO_SHOP, event).inc()

    def tried(self, shop: str, route: str, outcome: str) -> None:
        """A try ended."""
        self.tries.labels(shop, route, outcome).inc()

    def ended(self, shop: str, route: str, choice: str, reason: str) -> None:
        """What is done about it."""
        self.rulings.labels(shop, route, choice, reason).inc()

    def accepted(self, shop: str, route: str, seconds: float) -> None:
        """The next server took a mail, so long after it was taken in."""
        self.age.labels(shop, route).observe(seconds)

    def unsigned(self, shop: str, route: str) -> None:
        """A message went out without the DKIM signature that its route makes."""
        self.unsigned_mail.labels(shop, route).inc()

    def forged(self, shop: str) -> None:
        """A return path of ours with a signature that is not."""
        self.forgeries.labels(shop).inc()
