"""What a token endpoint may answer, and that no secret leaves by a message, a repr or a log."""

from __future__ import annotations

import logging
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from probes.oauth import MicrosoftApp, OAuthError, Refused, Tokens, TokenTrouble
from probes.oauth.exchange import protected_host, retry_after_s
from probes.oauth.microsoft import _endpoint
from tests.probes.oauth_server import NOON, REFRESH, SECRET, OAuthServer, Reply, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = b'{"access_token":"a","token_type":"bearer","expires_in":"3599","later":{}}'


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as running:
        yield running


def renewed(server: OAuthServer, reply: Reply) -> Tokens:
    server.faults.append(reply)
    return server.google(timeout_s=5.0).renew(REFRESH, NOON)


def test_unknown_members_and_numbers_in_quotes_are_tolerated(server: OAuthServer) -> None:
    tokens = renewed(server, Reply(body=GOOD))
    assert (tokens.access_token, tokens.refresh_token) == ("a", None)
    assert tokens.expires_at == NOON + timedelta(seconds=3599)


GARBAGE = {
    "nothing": b"",
    "a page": b"<html>Sign in to the hotel's network</html>",
    "not UTF-8": b'{"access_token":"\xff"}',
    "a list": b"[]",
    "deep": b"[" * 60_000,
    "long number": GOOD.replace(b'"3599"', b"9" * 5000),
    "endless": GOOD.replace(b'"3599"', b"1e999"),
    "no token": GOOD.replace(b"access_token", b"access"),
    "number as token": GOOD.replace(b'"a"', b"1"),
    "empty token": GOOD.replace(b'"a"', b'""'),
    "line break in the token": GOOD.replace(b'"a"', b'"a\\n"'),
    "XOAUTH2 separator in the token": GOOD.replace(b'"a"', b'"a\\u0001auth=Bearer b"'),
    "another kind": GOOD.replace(b"bearer", b"mac"),
    "expired": GOOD.replace(b'"3599"', b"0"),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_trouble_not_a_token(server: OAuthServer, body: bytes) -> None:
    with pytest.raises(TokenTrouble, match="answered 200 with something unusable"):
        renewed(server, Reply(body=body))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(302, headers={"Location": "http://127.0.0.1:1/"}),
        Reply(400, b"oops"),
        Reply(400, b'{"error":{"code":400}}'),
        Reply(403, b""),
        refusal("temporarily_unavailable"),
        Reply(200, b"x" * 100, {"Content-Encoding": "gzip"}),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:12]!r}",
)
def test_an_answer_outside_the_protocol_is_trouble(server: OAuthServer, reply: Reply) -> None:
    with pytest.raises(TokenTrouble, match=f"answered {reply.status} with something unusable"):
        renewed(server, reply)
    assert len(server.forms) == 1


def test_an_error_word_of_the_servers_own_is_not_repeated(server: OAuthServer) -> None:
    with pytest.raises(Refused, match="refused the login: unknown error") as caught:
        renewed(server, refusal("sorry_dave", "see https://evil.example"))
    assert "evil" not in str(caught.value)
    assert caught.value.code == "unknown error"


def test_a_huge_answer_is_cut(server: OAuthServer) -> None:
    with pytest.raises(TokenTrouble, match="more than 65536 bytes"):
        renewed(server, Reply(body=GOOD + b" " * 10_000_000))


def test_an_answer_of_the_largest_size_is_read(server: OAuthServer) -> None:
    assert renewed(server, Reply(body=GOOD.ljust(65_536))).access_token == "a"


def test_a_body_that_drips_for_ever_is_left(server: OAuthServer) -> None:
    server.faults.append(Reply(drip=True))
    with pytest.raises(TokenTrouble, match="too slowly"):
        server.google(timeout_s=0.3).renew(REFRESH, NOON)


def test_a_server_that_is_away_is_trouble() -> None:
    with OAuthServer() as server:
        google = server.google()
    with pytest.raises(TokenTrouble, match=r"127\.0\.0\.1 cannot be reached: .*refused"):
        google.renew(REFRESH, NOON)


@pytest.mark.parametrize(
    "url",
    ["http://oauth2.googleapis.com/token", "http://10.0.0.1/", "ftp://127.0.0.1/", "https://", ""],
)
def test_secrets_travel_by_tls_only(server: OAuthServer, url: str) -> None:
    with pytest.raises(ValueError, match="must be https"):
        server.google(token_url=url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://oauth2.googleapis.com/token", "oauth2.googleapis.com"),
        ("http://[::1]:80/token", "::1"),
        ("http://localhost:80/token", "localhost"),
    ],
)
def test_tls_and_loopback_are_taken(url: str, host: str) -> None:
    assert protected_host(url) == host


@pytest.mark.parametrize("tenant", ["", "../evil", "a/b", "a?b", "shop.example#"])
def test_a_tenant_cannot_bend_the_address(tenant: str) -> None:
    with pytest.raises(ValueError, match="a tenant is"):
        MicrosoftApp("client", SECRET, tenant)


def test_microsofts_addresses_follow_from_the_tenant() -> None:
    assert (
        _endpoint("shop.example", "token")
        == "https://login.microsoftonline.com/shop.example/oauth2/v2.0/token"
    )


def test_an_unknown_certificate_is_refused_and_a_known_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OAuthServer(tls=_self_signed(tmp_path)) as server:
        with pytest.raises(TokenTrouble, match="CERTIFICATE_VERIFY_FAILED"):
            server.google().renew(REFRESH, NOON)
        assert server.forms == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert server.google().renew(REFRESH, NOON).access_token == "canary-access-1"


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(cert.public_bytes(encoding))
    (folder / "key.pem").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


ECHOES = [
    refusal(SECRET, f"{SECRET} {REFRESH}"),
    refusal("invalid_client", f"AADSTS7000215: {SECRET}"),
    Reply(200, f'{{"access_token":"{SECRET}","token_type":"{SECRET}"}}'.encode()),
    Reply(200, f'{{"access_token":"{SECRET}\\n","token_type":"bearer","expires_in":1}}'.encode()),
    Reply(500, SECRET.encode()),
    Reply(429, headers={"Retry-After": SECRET}),
]


@pytest.mark.parametrize("reply", ECHOES, ids=range(len(ECHOES)))
def test_a_server_that_echoes_secrets_does_not_get_them_into_our_words(
    server: OAuthServer, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(OAuthError) as caught:
        renewed(server, reply)
    error = caught.value
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.as_finding())
    assert server.forms[0]["client_secret"] == SECRET
    assert "canary" not in told + caplog.text
    assert error.__context__ is None


def test_a_good_exchange_leaves_no_secret_in_reprs_and_logs(
    server: OAuthServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    google = server.google()
    tokens = google.renew(REFRESH, NOON)
    consent = google.begin("http://127.0.0.1:9/")
    told = repr([google, server.app(), server.device(), tokens, consent])
    assert tokens.access_token == "canary-access-1"
    assert "canary" not in told + caplog.text
    assert consent.verifier not in told


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("999999999", 86_400.0),
        ("Sun, 01 Nov 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("Sun, 01 Nov 2026 12:01:00 -0000", None),
        ("9" * 40, None),
    ],
)
def test_retry_after_is_read_as_rfc_9110_writes_it(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOON) == seconds
