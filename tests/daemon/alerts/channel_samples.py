"""Settings that work for each channel, and servers that imitate the real ones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daemon.alerts.catalogue import all_channels
from daemon.alerts.speech import Reader
from daemon.alerts.wording import render
from tests.daemon.alerts.http_server import Reply, Request
from tests.daemon.alerts.stories import STORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from daemon.alerts.channel import ChannelSettings
    from daemon.alerts.notice import Notice

ACCOUNT = "AC" + "0" * 32
TOKEN = "s3cret-token-of-sms"
BOT = "12345:s3cret-token-of-bot"
HOOK_PATH = "/services/T000/B000/s3cretOfSlack"
SIGNING = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
KEY = "rw-0123456789abcdef0123456789abcdef"


def notice(language: str = "en") -> Notice:
    return render(STORY, Reader(language, "UTC"), key=KEY)


def settings_for(
    name: str, url: str, secret: Callable[[str], Path], /, **changes: object
) -> ChannelSettings:
    """The settings of an HTTP channel that talks to `url`."""
    sms = {
        "to": "+989121234567",
        "from": "+15005550006",
        "account": ACCOUNT,
        "auth_token_file": secret(TOKEN),
        "base_url": url,
    }
    keys: dict[str, dict[str, Any]] = {
        "sms": sms,
        "whatsapp": sms,
        "telegram": {"chat": "-1001", "token_file": secret(BOT), "base_url": url},
        "slack": {"url_file": secret(url + HOOK_PATH)},
        "webhook": {"url": f"{url}/notices?s3cret=1", "secret_file": secret(SIGNING)},
    }
    found: ChannelSettings = all_channels()[name].settings.model_validate({**keys[name], **changes})
    return found


HTTP_CHANNELS = ("sms", "whatsapp", "telegram", "slack", "webhook")


@dataclass
class Services:
    """Answers as Twilio, Telegram, Slack and a plain receiver would."""

    fault: Reply | None = None
    seen: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.seen.append(request)
        if self.fault:
            return self.fault
        if request.path.startswith("/2010-04-01/"):
            return twilio(request)
        if request.path.startswith("/bot"):
            return telegram(request)
        return slack(request) if request.path.startswith("/services/") else Reply(204)


def said(status: int, /, **body: object) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def twilio(request: Request) -> Reply:
    if request.login != (ACCOUNT, TOKEN):
        return said(401, code=20003, message="Authenticate", status=401)
    form = request.form
    number = form["To"].removeprefix("whatsapp:")
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number):
        return said(400, code=21211, message=f"Invalid 'To' number: {number}", status=400)
    if not form.keys() & {"Body", "ContentSid"} or not form.keys() & {
        "From",
        "MessagingServiceSid",
    }:
        return said(400, code=21603, message="required", status=400)
    return said(201, sid="SM" + "1" * 32, status="queued")


def telegram(request: Request) -> Reply:
    if request.path != f"/bot{BOT}/sendMessage":
        return said(404, ok=False, error_code=404, description="Not Found")
    message = json.loads(request.body)
    if not message["text"] or len(message["text"]) > 4096:
        return said(400, ok=False, error_code=400, description="Bad Request: message is too long")
    return said(200, ok=True, result={"message_id": 42})


def slack(request: Request) -> Reply:
    if request.path != HOOK_PATH:
        return Reply(404, b"no_service")
    header, section = json.loads(request.body)["blocks"]
    fits = len(header["text"]["text"]) <= 150 and len(section["text"]["text"]) <= 3000
    return Reply(200, b"ok") if fits else Reply(400, b"invalid_blocks")
