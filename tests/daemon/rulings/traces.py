"""Short hand-made traces: one shop, probes by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from daemon.rulings.observations import Observation, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daemon.rulings.incidents import Event
    from daemon.rulings.watch import Watch

START = datetime(2026, 1, 5, tzinfo=UTC)
INBOX, TAB, OTHER = Verdict.INBOX, Verdict.TAB, Verdict.OTHER
SPAM, MISSING = Verdict.SPAM, Verdict.MISSING
UNOBSERVED, UNSENT = Verdict.UNOBSERVED, Verdict.UNSENT
_numbers = count()


def probe(minute: float, verdict: Verdict = INBOX, **changes: Any) -> Observation:
    """What became known `minute` minutes after the start; the seed is gmail's first."""
    at = START + timedelta(minutes=minute)
    seen = verdict in {INBOX, TAB, OTHER, SPAM}
    passed = "pass" if seen else None
    facts = {
        "at": at,
        "probe": f"p{next(_numbers)}",
        "sent_at": at - timedelta(seconds=360 if verdict is MISSING else 4),
        "shop": "demo",
        "route": "primary",
        "provider": "gmail",
        "seed": "gmail-1",
        "template": "t1",
        "verdict": verdict,
        "latency_s": 3.9 if seen else None,
        "spf": passed,
        "dkim": passed,
        "dmarc": passed,
        "smtp": "250 2.0.0 OK",
    }
    return Observation(**{**facts, **changes})


def rounds(
    start: float,
    end: float,
    verdict: Verdict = INBOX,
    *,
    routes: Iterable[str] = ("primary",),
    seeds: int = 3,
    **changes: Any,
) -> Iterator[Observation]:
    """A probe of every route to each seed once in ten minutes, staggered, templates in turn."""
    for turn in range(round((end - start) * seeds / 10)):
        for route in routes:
            facts = {
                "route": route,
                "seed": f"gmail-{turn % seeds + 1}",
                "template": f"t{turn % 4}",
            }
            yield probe(start + turn * 10 / seeds, verdict, **{**facts, **changes})


def fed(watch: Watch, observations: Iterable[Observation]) -> list[Event]:
    """Everything the watch says about them."""
    return [event for observation in observations for event in watch.observe(observation)]
