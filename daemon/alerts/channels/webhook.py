"""A signed POST to the operator's own server (Standard Webhooks 1.0).

`webhook-id` is the notice's key, the same at every try: receivers drop what they know. The
signature is HMAC-SHA256 over `id.timestamp.body`, in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.alerts.channel import Channel, ChannelSettings, Receipt, Undeliverable
from daemon.alerts.exchange import WebAddress, ask, demand_success
from daemon.alerts.secret_file import SecretFile, secret_in

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.notice import Notice

WHOM = "The webhook's receiver"
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


class WebhookSettings(ChannelSettings):
    """Where to post, and the key that both sides know."""

    url: WebAddress
    """The receiver's address."""
    secret_file: SecretFile
    """File that holds `whsec_` and 24 to 64 random bytes in base64."""


async def deliver(notice: Notice, settings: WebhookSettings, http: httpx2.AsyncClient) -> Receipt:
    """POST the notice as JSON; any 2xx is a success."""
    body = payload(notice)
    headers = signed(notice.key, datetime.now(UTC), body, _key(secret_in(settings.secret_file)))
    answer = await ask(http, "POST", settings.url, whom=WHOM, content=body, headers=headers)
    demand_success(answer, WHOM)
    return Receipt()


CHANNEL = Channel("webhook", WebhookSettings, deliver, deduplicates=True)


def payload(notice: Notice) -> bytes:
    """`{"type", "timestamp", "data"}`, as the standard advises; the HTML is left out."""
    data = {
        "key": notice.key,
        "incidents": list(notice.incidents),
        "language": notice.language,
        "direction": notice.direction,
        "subject": notice.subject,
        "text": notice.text,
        "facts": dict(notice.facts),
    }
    whole = {"type": f"notice.{notice.kind}", "timestamp": notice.at.isoformat(), "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def signed(key_id: str, now: datetime, body: bytes, key: bytes) -> dict[str, str]:
    """The three headers of the standard, for a message sent `now`."""
    stamp = str(int(now.timestamp()))
    mac = hmac.digest(key, b".".join([key_id.encode(), stamp.encode(), body]), hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": key_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        sentence = "The webhook's secret must be whsec_ and 24 to 64 bytes in base64."
        raise Undeliverable(sentence, permanent=True)
    return key
