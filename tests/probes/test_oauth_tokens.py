"""An access token at hand at any time, from any thread, without losing the refresh token."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from probes.oauth import AccessTokens, GrantExpired, OAuthClient, Refused, TokenTrouble
from probes.observation import Severity
from tests.probes.oauth_server import REFRESH, SECRET, OAuthServer, Reply, Time, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Store:
    """A refresh token in memory; `broken` makes it a full disk."""

    def __init__(self, token: str | None = REFRESH) -> None:
        self.token = token
        self.saved: list[str] = []
        self.broken = False

    def load(self) -> str | None:
        return self.token

    def save(self, token: str) -> None:
        if self.broken:
            raise OSError("No space left on device")
        self.token = token
        self.saved.append(token)


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as running:
        yield running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store() -> Store:
    return Store()


def access(client: OAuthClient, store: Store, time: Time) -> AccessTokens:
    return AccessTokens(client, store, time.now, account="gmail-1", sleep=time.sleep)


def test_a_token_is_kept_until_a_minute_before_it_expires(
    server: OAuthServer, store: Store, time: Time
) -> None:
    tokens = access(server.google(), store, time)
    assert tokens.access_token() == "canary-access-1"
    time.instant += timedelta(seconds=3599 - 61)
    assert tokens.access_token() == "canary-access-1"
    time.instant += timedelta(seconds=1)
    assert tokens.access_token() == "canary-access-2"


def test_google_is_renewed_with_the_stored_token_which_stays(
    server: OAuthServer, store: Store, time: Time
) -> None:
    access(server.google(), store, time).access_token()
    assert server.forms[0]["refresh_token"] == REFRESH
    assert server.forms[0]["client_secret"] == SECRET
    assert store.saved == []


def test_microsofts_new_refresh_token_replaces_the_old_one(
    server: OAuthServer, store: Store, time: Time
) -> None:
    server.rotates = True
    tokens = access(server.device(), store, time)
    for _ in range(3):
        tokens.access_token()
        time.instant += timedelta(hours=1)
    assert store.saved == ["canary-refresh-1", "canary-refresh-2", "canary-refresh-3"]
    assert "client_secret" not in server.forms[0]


def test_no_token_is_used_whose_successor_could_not_be_stored(
    server: OAuthServer, store: Store, time: Time
) -> None:
    server.rotates, store.broken = True, True
    tokens = access(server.device(), store, time)
    with pytest.raises(OSError, match="No space left"):
        tokens.access_token()
    store.broken = False
    server.refresh_tokens = {REFRESH}
    assert tokens.access_token() == "canary-access-2"
    assert store.saved == ["canary-refresh-2"]


def test_a_tenants_app_needs_no_login(server: OAuthServer, time: Time) -> None:
    store = Store(None)
    assert access(server.app(), store, time).access_token() == "canary-access-1"
    assert server.forms[0]["scope"] == "https://outlook.office365.com/.default"
    assert store.saved == []


def test_many_threads_renew_once(server: OAuthServer, store: Store, time: Time) -> None:
    tokens = access(server.google(), store, time)
    start = threading.Barrier(8)

    def ask() -> str:
        start.wait(10)
        return tokens.access_token()

    with ThreadPoolExecutor(8) as pool:
        answers = {future.result(10) for future in [pool.submit(ask) for _ in range(8)]}
    assert answers == {"canary-access-1"}
    assert len(server.forms) == 1


def test_an_ended_grant_asks_for_a_new_login(server: OAuthServer, time: Time) -> None:
    with pytest.raises(GrantExpired) as caught:
        access(server.google(), Store("revoked"), time).access_token()
    assert caught.value.sentence == "gmail-1 no longer lets us in."
    assert caught.value.remedy == (
        "Run `receiptwatch login gmail-1` again; Google ends it after 7 days while the app is in "
        "Testing, after 6 months unused, or when the password changes."
    )
    assert time.naps == []


def test_an_ended_grant_is_a_finding_about_the_seed() -> None:
    finding = GrantExpired("outlook-1", ended_by="it ends").as_finding()
    assert (finding.check, finding.status) == ("oauth", "invalid_grant")
    assert finding.severity is Severity.PROBLEM
    assert finding.remedy == "Run `receiptwatch login outlook-1` again; it ends."


def test_trouble_is_no_finding_against_the_seed() -> None:
    assert TokenTrouble("login.example", "answered 503").as_finding().severity is Severity.UNKNOWN


def test_a_refused_token_is_never_shown_twice_and_a_new_login_is_noticed(
    server: OAuthServer, time: Time
) -> None:
    store = Store("revoked")
    tokens = access(server.google(), store, time)
    for _ in range(3):
        with pytest.raises(GrantExpired):
            tokens.access_token()
    assert len(server.forms) == 1
    store.token = REFRESH
    assert tokens.access_token() == "canary-access-2"


def test_a_token_that_a_server_did_not_take_is_not_used_again(
    server: OAuthServer, store: Store, time: Time
) -> None:
    tokens = access(server.google(), store, time)
    first = tokens.access_token()
    tokens.forget("another one")
    assert tokens.access_token() == first
    tokens.forget(first)
    assert tokens.access_token() == "canary-access-2"
    server.refresh_tokens = set()  # the password was changed: the access token's time is not over
    tokens.forget("canary-access-2")
    with pytest.raises(GrantExpired, match="receiptwatch login"):
        tokens.access_token()


def test_before_the_first_login_nobody_is_asked(server: OAuthServer, time: Time) -> None:
    with pytest.raises(GrantExpired, match="has never been logged in"):
        access(server.google(), Store(None), time).access_token()
    assert server.forms == []


@pytest.mark.parametrize("word", ["interaction_required", "consent_required"])
def test_microsofts_wish_for_a_person_ends_the_grant(
    server: OAuthServer, store: Store, time: Time, word: str
) -> None:
    server.faults.append(refusal(word))
    with pytest.raises(GrantExpired, match="90 days unused"):
        access(server.device(), store, time).access_token()


def test_a_wrong_client_secret_is_the_settings_fault_not_the_seeds(
    server: OAuthServer, time: Time
) -> None:
    client = server.app()
    object.__setattr__(client, "client_secret", "wrong")
    with pytest.raises(Refused, match=r"invalid_client \(AADSTS7000215\).*Compare client id"):
        access(client, Store(None), time).access_token()
    assert time.naps == []


def test_a_server_error_is_tried_again(server: OAuthServer, store: Store, time: Time) -> None:
    server.faults.append(Reply(500))
    assert access(server.google(), store, time).access_token() == "canary-access-2"
    assert len(time.naps) == 1


def test_trouble_that_stays_is_given_up_for_now(
    server: OAuthServer, store: Store, time: Time
) -> None:
    server.faults.extend([Reply(502), Reply(503), Reply(504)])
    tokens = access(server.google(), store, time)
    with pytest.raises(TokenTrouble, match="answered 504") as caught:
        tokens.access_token()
    assert caught.value.temporary
    assert len(server.forms) == 3
    assert tokens.access_token() == "canary-access-4"


def test_a_short_retry_after_is_waited_out(server: OAuthServer, store: Store, time: Time) -> None:
    server.faults.append(Reply(429, headers={"Retry-After": "7"}))
    access(server.google(), store, time).access_token()
    assert time.naps == [7]


def test_a_long_retry_after_is_handed_to_the_caller(
    server: OAuthServer, store: Store, time: Time
) -> None:
    server.faults.append(Reply(429, headers={"Retry-After": "3600"}))
    with pytest.raises(TokenTrouble) as caught:
        access(server.google(), store, time).access_token()
    assert caught.value.retry_after_s == 3600
    assert (time.naps, len(server.forms)) == ([], 1)
