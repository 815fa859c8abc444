"""SMS through Twilio or its like.

No idempotency key: at most one duplicate after a crash or a lost answer (`daemon.alerts.twilio`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.alerts.channel import Channel
from daemon.alerts.twilio import LONGEST_BODY, TwilioSettings, send

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.channel import Receipt
    from daemon.alerts.notice import Notice


class SmsSettings(TwilioSettings):
    """SMS by Twilio's interface."""


async def deliver(notice: Notice, settings: SmsSettings, http: httpx2.AsyncClient) -> Receipt:
    """Send the short form."""
    return await send(settings, http, prefix="", content={"Body": notice.short[:LONGEST_BODY]})


CHANNEL = Channel("sms", SmsSettings, deliver, deduplicates=False)
