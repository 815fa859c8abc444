"""Submission to a real SMTP server, aiosmtpd, with real TLS and its own AUTH."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from daemon.demo.pki import Authority
from probes.endpoint import Bearer, Endpoint, Password, Tls
from probes.receipt import LANGUAGES, compose
from probes.submission import Outcome, Stage, Submission, submit
from probes.token import mint, new_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from probes.endpoint import Login

SEED = "seed.one@mail.test"
GOOD = Password("shop", "s3cret")


def receipt(language: str = "en") -> bytes:
    return compose(
        token=mint(b"k" * 32, new_id(), SEED),
        sender="Shop <orders@shop.test>",
        recipient=SEED,
        now=datetime.now(UTC),
        language=language,
    ).message


@dataclass
class Postmaster:
    """Accepts mail, and the one password or token it knows."""

    envelopes: list[Envelope] = field(default_factory=list)
    mechanisms: list[str] = field(default_factory=list)

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.envelopes.append(envelope)
        return "250 2.0.0 Ok: queued as 7F00DCAFE"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        self.mechanisms.append("XOAUTH2")
        if base64.b64decode(args[1]) == b"user=shop\1auth=Bearer fresh\1\1":
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"400"}')
        return AuthResult(success=False, handled=False)

    def authenticate(self, _: Any, __: Any, ___: Any, mechanism: str, data: Any) -> AuthResult:
        self.mechanisms.append(mechanism)
        known = LoginPassword(GOOD.username.encode(), GOOD.password.encode())
        return AuthResult(success=data == known, handled=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@asynccontextmanager
async def aiosmtpd_server(
    authority: Authority, postmaster: Postmaster, tls: Tls, *without: str
) -> AsyncIterator[Endpoint]:
    context = authority.server_context("localhost")
    starttls = tls is Tls.STARTTLS

    def session() -> SMTP:
        return SMTP(
            postmaster,
            hostname="relay.test",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_require_tls=starttls,  # under implicit TLS it does not know that there is any
            authenticator=postmaster.authenticate,
            auth_exclude_mechanism=without,
        )

    implicit = context if tls is Tls.IMPLICIT else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=implicit)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Endpoint("localhost", port, tls, authority.ca_file, timeout_s=10)
    finally:
        server.close()
        await server.wait_closed()


async def sent(message: bytes, endpoint: Endpoint, login: Login | None = GOOD) -> Submission:
    return await submit(
        message,
        mail_from="bounce@shop.test",
        rcpt_to=SEED,
        endpoint=endpoint,
        login=login,
        now=lambda: datetime.now(UTC),
    )


@pytest.mark.parametrize("tls", list(Tls))
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_receipt_arrives_as_it_was_composed(
    authority: Authority, tls: Tls, language: str
) -> None:
    message, postmaster = receipt(language), Postmaster()
    async with aiosmtpd_server(authority, postmaster, tls) as endpoint:
        result = await sent(message, endpoint)
    assert (result.outcome, result.queue_id) == (Outcome.ACCEPTED, "7F00DCAFE")
    assert (result.tls is None) == (tls is Tls.NONE)
    [envelope] = postmaster.envelopes
    assert envelope.content == message
    assert (envelope.mail_from, envelope.rcpt_tos) == ("bounce@shop.test", [SEED])


@pytest.mark.parametrize(("without", "mechanism"), [((), "PLAIN"), (("PLAIN",), "LOGIN")])
async def test_a_password_logs_in_by_what_is_offered(
    authority: Authority, without: tuple[str, ...], mechanism: str
) -> None:
    postmaster = Postmaster()
    async with aiosmtpd_server(authority, postmaster, Tls.STARTTLS, *without) as endpoint:
        result = await sent(receipt(), endpoint)
    assert result.outcome is Outcome.ACCEPTED
    assert postmaster.mechanisms == [mechanism]


async def test_a_wrong_password_is_refused_once(authority: Authority) -> None:
    postmaster = Postmaster()
    async with aiosmtpd_server(authority, postmaster, Tls.STARTTLS) as endpoint:
        result = await sent(receipt(), endpoint, Password("shop", "wrong"))
    assert (result.outcome, result.stage, result.code) == (Outcome.REJECTED, Stage.LOGIN, 535)
    assert (postmaster.mechanisms, postmaster.envelopes) == (["PLAIN"], [])


@pytest.mark.parametrize(
    ("token", "outcome"), [("fresh", Outcome.ACCEPTED), ("stale", Outcome.REJECTED)]
)
async def test_a_token_logs_in_by_xoauth2(
    authority: Authority, token: str, outcome: Outcome
) -> None:
    postmaster = Postmaster()
    async with aiosmtpd_server(authority, postmaster, Tls.STARTTLS) as endpoint:
        result = await sent(receipt(), endpoint, Bearer("shop", lambda: token))
    assert result.outcome is outcome
    assert postmaster.mechanisms == ["XOAUTH2"]
