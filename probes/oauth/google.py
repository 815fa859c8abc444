"""Google: authorisation code with PKCE, redirected to a loopback port (RFC 7636, RFC 8252)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from probes.oauth.exchange import TokenAnswer, ask, protected_host
from probes.oauth.failures import LoginFailed, Refused
from probes.oauth.loopback import Loopback, redirected_fields, same_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from probes.oauth.tokens import Tokens

MAIL = "https://mail.google.com/"
"""The one scope that opens IMAP and SMTP."""
NOBODY_LISTENS = "http://127.0.0.1:53682/"
"""A redirect of RFC 8252 section 7.3 whose address a person copies out of the browser."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A login under way: open `url`; the browser comes back to `redirect_uri` with a code."""

    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GoogleCode:
    """An app registered at Google as "Desktop app"; ValueError for an unprotected address."""

    client_id: str
    client_secret: str = field(repr=False)
    authorization_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    timeout_s: float = 15.0

    needs_login: ClassVar[bool] = True
    ended_by: ClassVar[str] = (
        "Google ends it after 7 days while the app is in Testing, after 6 months unused, or when "
        "the password changes"
    )

    def __post_init__(self) -> None:
        protected_host(self.authorization_url)
        protected_host(self.token_url)

    def login(
        self, show: Callable[[str], None], now: Callable[[], datetime], *, wait_s: float = 300.0
    ) -> Tokens:
        """Let a person give access: `show` gets the address for a browser on this machine.

        Raises LoginFailed, Refused or TokenTrouble. The tokens hold a refresh token.
        """
        with Loopback() as loopback:
            consent = self.begin(loopback.redirect_uri)
            show(consent.url)
            address = loopback.wait(consent.state, wait_s)
        return self.redeem(consent, address, now())

    def login_elsewhere(self, ask: Callable[[str], str], now: Callable[[], datetime]) -> Tokens:
        """As `login`, for a browser on another machine: nothing listens where it is sent back to.

        `ask` gets the address to open and returns the one that the browser could not load.
        """
        consent = self.begin(NOBODY_LISTENS)
        return self.redeem(consent, ask(consent.url).strip(), now())

    def begin(self, redirect_uri: str) -> Consent:
        """A new login with its own state and PKCE verifier."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        question = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": MAIL,
            "state": state,
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
            "access_type": "offline",
            "prompt": "consent",  # without it, a second login gives no refresh token
        }
        url = f"{self.authorization_url}?{urlencode(question)}"
        return Consent(url, redirect_uri, state, verifier)

    def redeem(self, consent: Consent, address: str, now: datetime) -> Tokens:
        """Exchange the code in `address`, where the browser was sent (also one typed by hand)."""
        form = {
            "grant_type": "authorization_code",
            "code": _code(address, consent.state),
            "redirect_uri": consent.redirect_uri,
            "code_verifier": consent.verifier,
        }
        try:
            return _lasting(self._ask(form, now))
        except Refused as refusal:
            if refusal.code != "invalid_grant":
                raise
        raise LoginFailed("Google did not take the login's code.", "Start the login again.")

    def renew(self, refresh_token: str, now: datetime) -> Tokens:
        """A new access token (RFC 6749 section 6); raises Refused or TokenTrouble."""
        return self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token}, now)

    def _ask(self, form: dict[str, str], now: datetime) -> Tokens:
        form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        answer = ask(self.token_url, form, TokenAnswer, now=now, timeout_s=self.timeout_s)
        return answer.tokens(now)


def s256(verifier: str) -> str:
    """The S256 code challenge (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _code(address: str, state: str) -> str:
    fields = redirected_fields(address)
    if not same_state(fields, state):
        raise LoginFailed("That answer belongs to another login.", "Start the login again.")
    if "code" not in fields:
        raise LoginFailed(
            "Google says that access was not given.",
            "Log in again as the seed's own account and allow access to its mail.",
        )
    return fields["code"]


def _lasting(tokens: Tokens) -> Tokens:
    if tokens.scopes and MAIL not in tokens.scopes:
        raise LoginFailed("The box for reading mail was not ticked.", "Log in again and tick it.")
    if not tokens.refresh_token:
        raise LoginFailed(
            "Google gave access for an hour only, without a refresh token.",
            "Remove the app at https://myaccount.google.com/permissions, then log in again.",
        )
    return tokens
