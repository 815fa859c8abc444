"""Microsoft: device code for a person's mailbox (RFC 8628), client credentials for a tenant's."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from probes.oauth.exchange import Answer, TokenAnswer, ask, protected_host
from probes.oauth.failures import LoginFailed, Refused, TokenTrouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from probes.oauth.tokens import Tokens

AUTHORITY = "https://login.microsoftonline.com"
MAILBOX = (
    "https://outlook.office.com/IMAP.AccessAsUser.All "
    "https://outlook.office.com/SMTP.Send offline_access"
)
EVERY_PERMISSION = "https://outlook.office365.com/.default"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LONGEST_INTERVAL_S = 60.0


class DeviceAnswer(Answer):
    """RFC 8628 section 3.2; times in seconds."""

    device_code: str = Field(min_length=1, max_length=16_384, repr=False)
    user_code: str = Field(pattern=r"^[A-Za-z0-9-]{4,20}$")
    verification_uri: str = Field(pattern=r"^https://[\x21-\x7e]+$", max_length=500)
    expires_in: int = Field(gt=0, le=3600)
    interval: int = Field(default=5, ge=1, le=60)


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What the person needs: open the address on any device and type the code, in time."""

    verification_uri: str
    user_code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MicrosoftDevice:
    """A public client ("Allow public client flows"), for outlook.com and Microsoft 365.

    `tenant` is an id or domain, or "common", "consumers", "organizations"; the addresses follow
    from it unless given. ValueError for a tenant or address that is none.
    """

    client_id: str
    tenant: str = "common"
    device_url: str | None = None
    token_url: str | None = None
    timeout_s: float = 15.0

    needs_login: ClassVar[bool] = True
    ended_by: ClassVar[str] = "Microsoft ends it after 90 days unused, or when the password changes"

    def __post_init__(self) -> None:
        protected_host(self._url("devicecode", self.device_url))
        protected_host(self._url("token", self.token_url))

    def _url(self, name: str, given: str | None) -> str:
        return given or _endpoint(self.tenant, name)

    def login(
        self,
        show: Callable[[DevicePrompt], None],
        now: Callable[[], datetime],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Tokens:
        """Let a person give access; polls until they did (RFC 8628 section 3.4).

        Raises LoginFailed, Refused or TokenTrouble. The tokens hold a refresh token.
        """
        url = self._url("devicecode", self.device_url)
        form = {"client_id": self.client_id, "scope": MAILBOX}
        began = now()
        answer = ask(url, form, DeviceAnswer, now=began, timeout_s=self.timeout_s)
        expires_at = began + timedelta(seconds=answer.expires_in)
        show(DevicePrompt(answer.verification_uri, answer.user_code, expires_at))
        interval = float(answer.interval)
        while now() + timedelta(seconds=interval) < expires_at:
            sleep(interval)
            try:
                return _lasting(self._poll(answer.device_code, now()))
            except Refused as refusal:
                interval += _slower(refusal)
            except TokenTrouble:
                interval *= 2  # RFC 8628 section 3.5
            interval = min(interval, LONGEST_INTERVAL_S)
        raise _too_late()

    def _poll(self, device_code: str, now: datetime) -> Tokens:
        return self._ask({"grant_type": DEVICE_GRANT, "device_code": device_code}, now)

    def renew(self, refresh_token: str, now: datetime) -> Tokens:
        """A new access token and a new refresh token; raises Refused or TokenTrouble."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": MAILBOX}
        return self._ask(form, now)

    def _ask(self, form: dict[str, str], now: datetime) -> Tokens:
        url = self._url("token", self.token_url)
        form |= {"client_id": self.client_id}
        return ask(url, form, TokenAnswer, now=now, timeout_s=self.timeout_s).tokens(now)


@dataclass(frozen=True, slots=True)
class MicrosoftApp:
    """A confidential client with application permissions on a tenant's mailboxes; no login.

    Besides admin consent it needs a service principal in Exchange and FullAccess on the mailbox.
    """

    client_id: str
    client_secret: str = field(repr=False)
    tenant: str
    token_url: str | None = None
    timeout_s: float = 15.0

    needs_login: ClassVar[bool] = False
    ended_by: ClassVar[str] = "the tenant's administrator can withdraw it"

    def __post_init__(self) -> None:
        protected_host(self._url)

    @property
    def _url(self) -> str:
        return self.token_url or _endpoint(self.tenant, "token")

    def renew(self, refresh_token: str, now: datetime) -> Tokens:  # noqa: ARG002 - there is none
        """An access token by client credentials (RFC 6749 section 4.4)."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": EVERY_PERMISSION,
        }
        return ask(self._url, form, TokenAnswer, now=now, timeout_s=self.timeout_s).tokens(now)


def check_tenant(tenant: str) -> str:
    """`tenant`, if it can be one; raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", tenant):
        raise ValueError("a tenant is an id, a domain, common, consumers or organizations")
    return tenant


def _endpoint(tenant: str, name: str) -> str:
    return f"{AUTHORITY}/{check_tenant(tenant)}/oauth2/v2.0/{name}"


def _slower(refusal: Refused) -> float:
    """Seconds to add to the polling interval (RFC 8628 section 3.5), unless it is over."""
    match refusal.code:
        case "authorization_pending":
            return 0.0
        case "slow_down":
            return 5.0
        case "access_denied" | "authorization_declined":
            raise LoginFailed(
                "Access was declined at Microsoft's page.",
                "Log in again as the seed's own account and accept.",
            )
        case "expired_token":
            raise _too_late()
        case _:
            raise refusal


def _too_late() -> LoginFailed:
    return LoginFailed("The code was not entered in time.", "Start the login again.")


def _lasting(tokens: Tokens) -> Tokens:
    if not tokens.refresh_token:
        raise LoginFailed(
            "Microsoft gave access for an hour only, without a refresh token.",
            "Allow `offline_access` in the app's registration, then log in again.",
        )
    return tokens
