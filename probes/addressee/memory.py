"""What was found out about a domain lately, so that it is not asked for again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.addressee.verdict import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from probes.addressee.mail_servers import MailServers

KEPT = timedelta(hours=6)
KEPT_IN_TROUBLE = timedelta(minutes=5)
LARGEST = 10_000


class Memory:
    """The mail servers of at most `largest` domains; the one remembered longest makes room."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._known: dict[str, tuple[datetime, MailServers]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, domain: str, now: datetime) -> MailServers | None:
        """What is remembered and still holds at `now`."""
        until, servers = self._known.get(domain, (now, None))
        return servers if now < until else None

    def keep(self, domain: str, servers: MailServers, now: datetime) -> None:
        """Remember it for six hours; for five minutes when DNS gave no answer."""
        in_trouble = servers.verdict is Verdict.UNKNOWN
        self._known.pop(domain, None)
        while len(self._known) >= self._largest:
            del self._known[next(iter(self._known))]
        self._known[domain] = (now + (KEPT_IN_TROUBLE if in_trouble else KEPT), servers)
