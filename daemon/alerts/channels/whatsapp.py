"""WhatsApp through Twilio or its like.

No idempotency key: at most one duplicate after a crash or a lost answer (`daemon.alerts.twilio`).

Unless the contact wrote within the last 24 hours, WhatsApp lets only approved templates through:
`content` names one whose only variable {{1}} takes the notice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from daemon.alerts.channel import Channel
from daemon.alerts.twilio import LONGEST_BODY, TwilioSettings, send

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.channel import Receipt
    from daemon.alerts.notice import Notice


class WhatsappSettings(TwilioSettings):
    """WhatsApp by Twilio's interface."""

    content: Annotated[str, Field(pattern=r"^HX[0-9a-f]{32}$")] | None = None
    """The SID of an approved template with the one variable {{1}}."""


async def deliver(notice: Notice, settings: WhatsappSettings, http: httpx2.AsyncClient) -> Receipt:
    """Send the short form, within the template if there is one."""
    text = notice.short[:LONGEST_BODY]
    content = {"Body": text}
    if settings.content:
        variables = json.dumps({"1": text}, ensure_ascii=False)
        content = {"ContentSid": settings.content, "ContentVariables": variables}
    return await send(settings, http, prefix="whatsapp:", content=content)


CHANNEL = Channel("whatsapp", WhatsappSettings, deliver, deduplicates=False)
