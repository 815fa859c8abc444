"""Google's login in a browser, against a server that checks what it is sent."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from probes.oauth import LoginFailed
from probes.oauth.google import s256
from tests.probes.oauth_server import MAIL, NOON, REFRESH, OAuthServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from datetime import datetime


def noon() -> datetime:
    return NOON


class Browser:
    """Follows an address in a thread of its own, as a person's browser would."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self.pages: list[Future[httpx2.Response]] = []

    def open(self, url: str) -> None:
        self.run(lambda: self.get(url))

    def run(self, visit: Callable[[], httpx2.Response]) -> None:
        self.pages.append(self._pool.submit(visit))

    def get(self, url: str) -> httpx2.Response:
        return httpx2.get(url, follow_redirects=True, trust_env=False, timeout=10)

    @property
    def page(self) -> httpx2.Response:
        return self.pages[-1].result(10)


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as running:
        yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    with ThreadPoolExecutor(2) as pool:
        yield Browser(pool)


def test_google_login_ends_with_a_lasting_token(server: OAuthServer, browser: Browser) -> None:
    tokens = server.google().login(browser.open, noon, wait_s=10)
    assert (tokens.access_token, tokens.refresh_token) == ("canary-access-1", REFRESH)
    assert tokens.expires_at == NOON + timedelta(seconds=3599)
    assert browser.page.status_code == 200
    assert "close this page" in browser.page.text


def test_google_is_asked_for_mail_offline_with_pkce(server: OAuthServer, browser: Browser) -> None:
    server.google().login(browser.open, noon, wait_s=10)
    [question] = server.questions
    assert question["scope"] == MAIL
    assert (question["access_type"], question["prompt"]) == ("offline", "consent")
    assert question["code_challenge_method"] == "S256"
    assert question["code_challenge"] == s256(server.forms[-1]["code_verifier"])
    assert len(server.forms[-1]["code_verifier"]) >= 43
    assert urlsplit(question["redirect_uri"]).hostname == "127.0.0.1"


def test_the_challenge_is_the_one_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert s256(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_every_login_has_its_own_state_and_verifier(server: OAuthServer) -> None:
    first, second = (server.google().begin("http://127.0.0.1:1/") for _ in range(2))
    assert first.state != second.state
    assert first.verifier != second.verifier


def test_a_code_without_its_verifier_is_worthless(server: OAuthServer) -> None:
    google = server.google()
    stolen = google.begin("http://127.0.0.1:9/")
    address = httpx2.get(stolen.url, trust_env=False).headers["Location"]
    thief = google.begin(stolen.redirect_uri)
    address = address.replace(stolen.state, thief.state)
    with pytest.raises(LoginFailed, match="did not take the login's code"):
        google.redeem(thief, address, NOON)


def test_a_wrong_state_gets_a_page_and_is_waited_past(
    server: OAuthServer, browser: Browser
) -> None:
    strangers: list[httpx2.Response] = []

    def person(url: str) -> None:
        redirect_uri = dict(parse_qsl(urlsplit(url).query))["redirect_uri"]

        def visit() -> httpx2.Response:
            paths = ("?state=forged&code=evil", "?code=evil", "favicon.ico")
            strangers.extend(browser.get(f"{redirect_uri}{path}") for path in paths)
            return browser.get(url)

        browser.run(visit)

    tokens = server.google().login(person, noon, wait_s=10)
    assert tokens.refresh_token == REFRESH
    assert browser.page.status_code == 200
    assert [page.status_code for page in strangers] == [400, 400, 400]
    assert [form["code"] for form in server.forms] != ["evil"]


def test_a_login_answered_only_with_a_wrong_state_fails(
    server: OAuthServer, browser: Browser
) -> None:
    server.sends_back_state = "forged"
    with pytest.raises(LoginFailed, match="Nobody came back"):
        server.google().login(browser.open, noon, wait_s=0.5)
    assert browser.page.status_code == 400
    assert server.forms == []


def test_an_address_pasted_from_another_login_is_refused(server: OAuthServer) -> None:
    google = server.google()
    consent = google.begin("http://127.0.0.1:9/")
    with pytest.raises(LoginFailed, match="another login"):
        google.redeem(consent, "http://127.0.0.1:9/?code=c&state=other", NOON)


def test_a_pasted_address_serves_a_browser_on_another_machine(server: OAuthServer) -> None:
    def person(url: str) -> str:
        return f" {httpx2.get(url, trust_env=False).headers['Location']}\n"

    assert server.google().login_elsewhere(person, noon).refresh_token == REFRESH


def test_a_person_may_decline_at_google(server: OAuthServer, browser: Browser) -> None:
    server.person_declines = True
    with pytest.raises(LoginFailed, match="access was not given"):
        server.google().login(browser.open, noon, wait_s=10)
    assert "Nothing was changed" in browser.page.text


@pytest.mark.parametrize(
    ("scope", "omits", "sentence"),
    [("openid", set[str](), "not ticked"), (MAIL, {"refresh_token"}, "an hour only")],
)
def test_a_google_login_that_would_not_last_is_said(
    server: OAuthServer, browser: Browser, scope: str, omits: set[str], sentence: str
) -> None:
    server.scope, server.omits = scope, omits
    with pytest.raises(LoginFailed, match=sentence):
        server.google().login(browser.open, noon, wait_s=10)


def test_silent_and_endless_requests_do_not_hold_up_the_browser(
    server: OAuthServer, browser: Browser
) -> None:
    spare: list[socket.socket] = []

    def person(url: str) -> None:
        port = urlsplit(dict(parse_qsl(urlsplit(url).query))["redirect_uri"]).port
        spare.extend(socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        spare[1].sendall(b"GET /?x=" + b"a" * 15_000)
        browser.open(url)

    try:
        assert server.google().login(person, noon, wait_s=10).refresh_token == REFRESH
    finally:
        for connection in spare:
            connection.close()


def test_a_request_above_the_cap_is_cut(server: OAuthServer, browser: Browser) -> None:
    pages: list[bytes] = []

    def person(url: str) -> None:
        port = urlsplit(dict(parse_qsl(urlsplit(url).query))["redirect_uri"]).port

        def visit() -> httpx2.Response:
            pages.append(oversized(port))
            return browser.get(url)

        browser.run(visit)

    assert server.google().login(person, noon, wait_s=10).refresh_token == REFRESH
    assert pages[0].startswith(b"HTTP/1.1 400 ")


def oversized(port: int | None) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /?code=".ljust(16_384, b"a"))
        return connection.recv(40)


def test_the_page_loads_nothing_and_leaks_no_address(server: OAuthServer, browser: Browser) -> None:
    server.google().login(browser.open, noon, wait_s=10)
    headers = browser.page.headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
