"""Keeps one account's access token fresh; loses no refresh token on the way."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import tenacity

from probes.oauth.failures import GrantExpired, Refused, TokenTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

EARLY = timedelta(seconds=60)
"""A token is renewed this long before it expires: a login with it takes a while."""

TRIES = 3
LONGEST_WAIT_S = 10.0
"""A server that wants a longer pause gets it from our caller: a mailbox's thread waits here."""

ENDS_GRANT = frozenset({"invalid_grant", "interaction_required", "consent_required"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """A successful access token response (RFC 6749 section 5.1)."""

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    scopes: frozenset[str] = frozenset()

    def fresh(self, now: datetime) -> bool:
        """Whether the access token may still be used."""
        return now < self.expires_at - EARLY


class RefreshStore(Protocol):
    """Where one account's refresh token lives between runs."""

    def load(self) -> str | None:
        """The refresh token, or None before the first login."""
        ...

    def save(self, token: str) -> None:
        """Keep `token` durably in place of the former one, or raise."""
        ...


class OAuthClient(Protocol):
    """Our registration at a provider."""

    @property
    def needs_login(self) -> bool:
        """Whether a person's refresh token is needed at all."""
        ...

    @property
    def ended_by(self) -> str:
        """What ends a permission at this provider: half a sentence for people."""
        ...

    def renew(self, refresh_token: str, now: datetime) -> Tokens:
        """A new access token; raises Refused or TokenTrouble."""
        ...


class AccessTokens:
    """Gives `account` a valid access token at any time, from any thread.

    A refused refresh token is never shown to the server twice; a new login is noticed by the
    store's next answer.
    """

    def __init__(
        self,
        client: OAuthClient,
        store: RefreshStore,
        now: Callable[[], datetime],
        *,
        account: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._store = store
        self._now = now
        self._account = account
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._refused: str | None = None

    def access_token(self) -> str:
        """A token good for a minute at least; may block for the HTTP exchange.

        Raises GrantExpired (a person must log in), Refused (the settings are wrong) or
        TokenTrouble (try later); whatever the store raises passes through.
        """
        with self._lock:
            if self._tokens is None or not self._tokens.fresh(self._now()):
                self._tokens = self._renewed(self._refresh_token())
            return self._tokens.access_token

    def forget(self, access_token: str) -> None:
        """Renew before the next use: a server did not take this one, though its time is not over.

        Then a grant that has ended says so, and a new login is taken up at once.
        """
        with self._lock:
            if self._tokens is not None and self._tokens.access_token == access_token:
                self._tokens = None

    def _refresh_token(self) -> str:
        if not self._client.needs_login:
            return ""
        stored = self._store.load()
        if not stored or stored == self._refused:
            raise self._expired(stored=bool(stored))
        return stored

    def _renewed(self, refresh_token: str) -> Tokens:
        try:
            tokens = self._patiently(self._ask, refresh_token)
        except Refused as refusal:
            if refusal.code not in ENDS_GRANT or not self._client.needs_login:
                raise
            self._refused = refresh_token
        else:
            if tokens.refresh_token not in {None, refresh_token}:
                # Before first use: after a crash in between, only the stored one would be left.
                self._store.save(str(tokens.refresh_token))
            return tokens
        raise self._expired(stored=True)

    def _ask(self, refresh_token: str) -> Tokens:
        return self._client.renew(refresh_token, self._now())

    def _expired(self, *, stored: bool) -> GrantExpired:
        return GrantExpired(self._account, ended_by=self._client.ended_by, stored=stored)

    @property
    def _patiently(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TokenTrouble),
            stop=_enough,
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )


def _enough(state: tenacity.RetryCallState) -> bool:
    return state.attempt_number >= TRIES or (_wish(state) or 0) > LONGEST_WAIT_S


def _pause(state: tenacity.RetryCallState) -> float:
    wish = _wish(state)
    return _backoff(state) if wish is None else wish


_backoff = tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_S)


def _wish(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_s if isinstance(error, TokenTrouble) else None
