"""Whom the notifier writes to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daemon.alerts.channel import Undeliverable
from daemon.alerts.wording import Reader

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.channel import Channel, ChannelSettings, Receipt
    from daemon.alerts.notice import Notice
    from daemon.rulings.alerting import Contact

SEND_WITHIN_S = 45.0


@dataclass(frozen=True, slots=True)
class Addressee:
    """A contact as the notice policy knows it, and the way to reach it."""

    contact: Contact
    channel: Channel[Any]
    settings: ChannelSettings = field(repr=False)

    @property
    def reader(self) -> Reader:
        """Who reads: language and wall clock."""
        return Reader(self.contact.language, self.contact.zone)

    async def deliver(self, notice: Notice, http: httpx2.AsyncClient) -> Receipt:
        """Hand the notice over within 45 real seconds; raises Undeliverable."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                return await self.channel.deliver(notice, self.settings, http)
        except TimeoutError:
            sentence = f"{self.channel.name} took longer than {SEND_WITHIN_S:.0f} s."
            raise Undeliverable(sentence, in_doubt=True) from None
