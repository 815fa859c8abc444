"""Microsoft's login by device code, against a server that checks what it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from probes.oauth import DevicePrompt, LoginFailed, Refused
from tests.probes.oauth_server import NOON, REFRESH, OAuthServer, Reply, Time

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as running:
        yield running


def test_microsoft_login_waits_for_the_person(server: OAuthServer) -> None:
    server.polls.extend(["authorization_pending", "slow_down", "authorization_pending"])
    time, shown = Time(), list[DevicePrompt]()
    tokens = server.device().login(shown.append, time.now, sleep=time.sleep)
    assert (tokens.access_token, tokens.refresh_token) == ("canary-access-5", REFRESH)
    assert time.naps == [5, 5, 10, 10]
    assert shown == [
        DevicePrompt("https://login.example/device", "ABCD-1234", NOON + timedelta(seconds=900))
    ]
    assert "IMAP.AccessAsUser.All" in server.forms[0]["scope"]
    assert "offline_access" in server.forms[0]["scope"]


def test_trouble_while_polling_slows_down_and_goes_on(server: OAuthServer) -> None:
    time = Time()

    def break_down(_: DevicePrompt) -> None:
        server.faults.extend([Reply(503), Reply(200, b"<html>")])

    tokens = server.device().login(break_down, time.now, sleep=time.sleep)
    assert tokens.refresh_token == REFRESH
    assert time.naps == [5, 10, 20]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("authorization_declined", "declined"),
        ("access_denied", "declined"),
        ("expired_token", "in time"),
    ],
)
def test_a_microsoft_login_can_end_without_access(
    server: OAuthServer, word: str, sentence: str
) -> None:
    server.polls.append(word)
    time = Time()
    with pytest.raises(LoginFailed, match=sentence):
        server.device().login(lambda _: None, time.now, sleep=time.sleep)
    assert len(server.forms) == 2


def test_a_code_that_nobody_enters_runs_out(server: OAuthServer) -> None:
    server.polls.extend(["authorization_pending"] * 500)
    server.interval = 60
    time = Time()
    with pytest.raises(LoginFailed, match="in time"):
        server.device().login(lambda _: None, time.now, sleep=time.sleep)
    assert time.naps == [60] * 14


def test_an_unknown_app_is_refused_before_anybody_is_asked(server: OAuthServer) -> None:
    shown = list[DevicePrompt]()
    stranger = server.device()
    object.__setattr__(stranger, "client_id", "nobody")
    with pytest.raises(Refused, match="invalid_client"):
        stranger.login(shown.append, Time().now)
    assert shown == []


def test_a_microsoft_login_without_a_refresh_token_is_said(server: OAuthServer) -> None:
    server.omits = {"refresh_token"}
    time = Time()
    with pytest.raises(LoginFailed, match="offline_access"):
        server.device().login(lambda _: None, time.now, sleep=time.sleep)
