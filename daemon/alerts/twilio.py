"""Messages through Twilio's HTTP interface, or one that imitates it.

The interface has no idempotency key: a message whose answer was lost may have been sent. A notice
in doubt is tried once more only, so the worst case is bounded: at most one duplicate after a crash
or a lost answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from daemon.alerts.channel import ChannelSettings, Receipt
from daemon.alerts.exchange import Answer, WebAddress, ask, demand_success
from daemon.alerts.secret_file import SecretFile, secret_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

E164 = r"^\+[1-9][0-9]{6,14}$"
"""A telephone number as ITU-T E.164 has it."""
LONGEST_BODY = 1_600
Number = Annotated[str, Field(pattern=E164)]


class TwilioSettings(ChannelSettings):
    """An account and whom to write to."""

    to: Number
    """Whom to write to: +, country code, number."""
    sender: Number | None = Field(default=None, alias="from")
    """The number to send from; or `messaging_service`."""
    messaging_service: Annotated[str, Field(pattern=r"^MG[0-9a-f]{32}$")] | None = None
    """A messaging service's SID instead of a number."""
    account: Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")]
    """The account's SID."""
    auth_token_file: SecretFile
    """File that holds the account's auth token alone."""
    base_url: WebAddress = "https://api.twilio.com"
    """Another server with the same interface."""

    @model_validator(mode="after")
    def _one_sender(self) -> Self:
        if (self.sender is None) == (self.messaging_service is None):
            raise ValueError("needs either `from` or `messaging_service`")
        return self


async def send(
    settings: TwilioSettings, http: httpx2.AsyncClient, *, prefix: str, content: Mapping[str, str]
) -> Receipt:
    """POST one message; `prefix` stands before numbers ("whatsapp:"). Raises Undeliverable."""
    form = {"To": f"{prefix}{settings.to}", **content}
    if settings.messaging_service:
        form["MessagingServiceSid"] = settings.messaging_service
    else:
        form["From"] = f"{prefix}{settings.sender}"
    base = settings.base_url.rstrip("/")
    url = f"{base}/2010-04-01/Accounts/{settings.account}/Messages.json"
    login = (settings.account, secret_in(settings.auth_token_file))
    answer = await ask(http, "POST", url, whom="The SMS service", data=form, auth=login)
    demand_success(answer, "The SMS service", _reason(answer))
    sid = answer.json.get("sid")
    return Receipt(sid if isinstance(sid, str) else None)


def _reason(answer: Answer) -> str:
    """Twilio's error number; its sentence may quote what was sent."""
    code = answer.json.get("code")
    return f"error {code}, see twilio.com/docs/errors/{code}" if isinstance(code, int) else ""
