"""Whom the notifier writes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daemon.alerts.wording import Reader

if TYPE_CHECKING:
    from daemon.alerts.channel import Channel, ChannelSettings
    from daemon.rulings.alerting import Contact


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
