"""A notifier whose contacts' channels all lead to one real HTTP receiver that keeps what comes."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from daemon.alerts import exchange
from daemon.alerts.catalogue import all_channels
from daemon.ledger import incidents, notices
from daemon.lifecycles.incident import IncidentState
from daemon.rounds.addressees import Addressee
from daemon.rounds.notify import Notifier
from daemon.rounds.stories import Names
from daemon.rulings.alerting import Contact, Policy
from tests.daemon.alerts.channel_samples import Services, settings_for
from tests.daemon.alerts.http_server import HttpServer
from tests.daemon.ledger.watch_samples import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path

    import httpx2

    from daemon.ledger.incidents import IncidentRow
    from daemon.ledger.notices import NoticeRow
    from daemon.rounds.surroundings import Surroundings
    from tests.daemon.rounds.conftest import HeldClock

NAMES = Names({"tea": "Saffron Tea"}, {"gmail": "Gmail"})
POLICY = Policy(group_wait=timedelta(0))


@dataclass
class Reception:
    """The world as the notifier sees it; time passes only by `pass_`."""

    around: Surroundings
    http: httpx2.AsyncClient
    server: HttpServer
    services: Services
    secret: Callable[[str], Path]
    notifiers: list[Notifier] = field(default_factory=list)

    @property
    def clock(self) -> HeldClock:
        return self.around.clock  # type: ignore[return-value] # the fixture's

    def contact(self, name: str = "sara", channel: str = "webhook", **more: Any) -> Addressee:
        fields = {"language": "en", "zone": "UTC", "shops": frozenset({"tea"}), **more}
        known = Contact(name, channel=channel, **fields)
        settings = settings_for(channel, self.server.url, self.secret)
        return Addressee(known, all_channels()[channel], settings)

    def notifier(self, *contacts: Addressee, policy: Policy = POLICY, **more: Any) -> Notifier:
        words: dict[str, Any] = {"around": self.around, "primaries": {("tea", "relay")}, **more}
        made = Notifier(addressees=contacts, policy=policy, names=NAMES, http=self.http, **words)
        self.notifiers.append(made)
        return made

    async def round(self, notifier: Notifier) -> list[NoticeRow]:
        """One round, and the end of what it began; returns every notice."""
        await notifier.run_once()
        await notifier.close()
        await notifier.run_once()  # what went wrong is raised here
        return await self.notices()

    async def rounds(self, notifier: Notifier, count: int, **step: float) -> list[NoticeRow]:
        for _ in range(count):
            await self.round(notifier)
            self.clock.pass_(**step)
        return await self.round(notifier)

    async def notices(self) -> list[NoticeRow]:
        """The oldest first."""
        async with self.around.ledger.read() as conn:
            return (await notices.recent(conn, limit=99_999))[::-1]

    async def open(self, **changes: Any) -> IncidentRow:
        now = self.clock.now()
        async with self.around.ledger.write() as conn:
            return await opened(conn, **{"opened_at": now, "changed_at": now, **changes})

    async def end(self, row: IncidentRow, state: IncidentState = IncidentState.RESOLVED) -> None:
        at = self.clock.now()
        async with self.around.ledger.write() as conn:
            if state is IncidentState.DISMISSED:
                await incidents.mark_dismissed(conn, row.id, at=at, by="sara")
            else:
                await incidents.mark_recovering(conn, row.id, at=at)
                await incidents.mark_resolved(conn, row.id, at=at)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What the webhook's receiver got."""
        return [json.loads(r.body) for r in self.services.seen if r.path.startswith("/notices")]

    @property
    def subjects(self) -> list[str]:
        return [body["data"]["subject"] for body in self.bodies]

    def counted(self, channel: str, kind: str, outcome: str) -> float:
        labels = {"channel": channel, "kind": kind, "outcome": outcome}
        metrics = self.around.metrics.registry
        return metrics.get_sample_value("receiptwatch_notices_total", labels) or 0.0


@asynccontextmanager
async def reception(around: Surroundings, folder: Path) -> AsyncIterator[Reception]:
    def secret(text: str) -> Path:
        path = folder / f"secret-{len(list(folder.iterdir()))}"
        path.write_text(f"{text}\n", "utf-8")
        path.chmod(0o600)
        return path

    services = Services()
    async with HttpServer(services) as server, exchange.client() as http:
        made = Reception(around, http, server, services, secret)
        yield made
        for notifier in made.notifiers:
            await notifier.close()


def since(at: datetime) -> dict[str, Any]:
    """What the watch knows of a lane in trouble."""
    return {
        "since": at.isoformat().replace("+00:00", "Z"),
        "seeds": 3,
        "seeds_bad": 2,
        "receipts": 4,
        "receipts_bad": 3,
        "last_bad": 3,
        "fate": "spam",
        "normal_one_in": 200,
        "other_route": "backup",
        "other_lands": True,
        "templates_bad": ["builtin"],
    }
