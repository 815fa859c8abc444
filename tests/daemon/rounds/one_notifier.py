"""One round of a notifier in a process of its own, some minutes later than now.

`python -m tests.daemon.rounds.one_notifier DATABASE CHANNEL URL SECRETS MINUTES`
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path

from daemon.alerts import exchange
from daemon.alerts.catalogue import all_channels
from daemon.clock import Clock
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.rounds.addressees import Addressee
from daemon.rounds.notify import Notifier
from daemon.rounds.surroundings import Surroundings
from daemon.rulings.alerting import Contact
from tests.daemon.alerts.channel_samples import settings_for
from tests.daemon.rounds.reception import NAMES, POLICY


class LateClock(Clock):
    """Ahead of the system's."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead


async def main(database: str, channel: str, url: str, secrets: Path, minutes: int) -> None:
    def secret(text: str) -> Path:
        path = secrets / f"{channel}-{len(list(secrets.iterdir()))}"
        path.write_text(text)
        path.chmod(0o600)
        return path

    clock = LateClock(timedelta(minutes=minutes))
    ledger = await Ledger.open(database)
    known = Contact("sara", "en", "UTC", channel, frozenset({"tea"}))
    sara = Addressee(known, all_channels()[channel], settings_for(channel, url, secret))
    async with exchange.client() as http:
        notifier = Notifier(
            Surroundings(ledger, clock, Metrics("0")),
            addressees=[sara],
            policy=POLICY,
            primaries=(),
            names=NAMES,
            http=http,
        )
        await notifier.run_once()
        await notifier.close()
    await ledger.close()


if __name__ == "__main__":
    database, channel, url, secrets, minutes = sys.argv[1:]
    asyncio.run(main(database, channel, url, Path(secrets), int(minutes)))
