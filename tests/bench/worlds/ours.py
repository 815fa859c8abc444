"""The rule that the daemon runs, read as the others are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from daemon.rulings.thresholds import Thresholds
from daemon.rulings.watch import Happening, Watch
from tests.bench.worlds.alarms import Alarm

if TYPE_CHECKING:
    from daemon.rulings.observations import Observation

SHIPPED = Thresholds().open_at
"""The daemon's own threshold of opening."""


class Ours:
    """`daemon.rulings.watch.Watch` with some threshold of opening."""

    def __init__(self, open_at: float = SHIPPED) -> None:
        self.watch = Watch(Thresholds().with_(open_at=open_at))

    def observe(self, observation: Observation) -> list[Alarm]:
        """Everything about incidents; a seed's fault is the operator's."""
        events = self.watch.observe(observation)
        return [
            Alarm(event.event, event.route, event.provider, event.cause)
            for event in events
            if event.event is not Happening.SEED_FAULT
        ]

    def restart(self) -> None:
        """A new watch that knows only what the old one would have written to the ledger."""
        written = json.dumps(self.watch.snapshot())
        self.watch = Watch(self.watch.thresholds)
        self.watch.restore(json.loads(written))
