from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from pydantic import ValidationError

from daemon.alerts import exchange
from daemon.alerts.catalogue import all_channels
from daemon.alerts.channel import Receipt, Undeliverable
from daemon.alerts.heartbeat import ping
from daemon.demo.pki import Authority
from tests.daemon.alerts.channel_samples import (
    BOT,
    HOOK_PATH,
    HTTP_CHANNELS,
    KEY,
    SIGNING,
    Services,
    notice,
    said,
    settings_for,
)
from tests.daemon.alerts.http_server import HttpServer, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx2

    Secret = Callable[[str], Path]

SECRETS = ("s3cret", SIGNING)


async def deliver(
    name: str, server: HttpServer, secret: Secret, http: httpx2.AsyncClient, **changes: object
) -> Receipt:
    settings = settings_for(name, server.url, secret, **changes)
    return await all_channels()[name].deliver(notice("fa"), settings, http)


async def refusal(
    name: str, fault: Reply, secret: Secret, http: httpx2.AsyncClient
) -> tuple[Undeliverable, HttpServer]:
    async with HttpServer(Services(fault)) as server:
        with pytest.raises(Undeliverable) as caught:
            await deliver(name, server, secret, http)
    error = caught.value
    assert error.sentence.endswith(".")
    while error is not None:  # the whole chain, as a log would print it
        assert not any(s in str(error) for s in SECRETS)
        error = error.__cause__ or error.__context__  # type: ignore[assignment] # any exception
    return caught.value, server


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sms", "SM" + "1" * 32),
        ("whatsapp", "SM" + "1" * 32),
        ("telegram", "42"),
        ("slack", None),
        ("webhook", None),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
async def test_a_notice_is_taken(
    name: str,
    reference: str | None,
    tls: bool,  # noqa: FBT001 - parametrised
    secret: Secret,
    http: httpx2.AsyncClient,
    authority: Authority,
) -> None:
    context = authority.server_context("localhost") if tls else None
    async with HttpServer(Services(), context) as server:
        assert await deliver(name, server, secret, http) == Receipt(reference)
    assert [r.method for r in server.requests] == ["POST"]


async def test_an_sms_says_the_short_form_to_the_number(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(Services()) as server:
        await deliver("sms", server, secret, http)
    [request] = server.requests
    assert request.form == {
        "To": "+989121234567",
        "From": "+15005550006",
        "Body": notice("fa").short,
    }


async def test_whatsapp_fills_an_approved_template(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(Services()) as server:
        await deliver("whatsapp", server, secret, http, content="HX" + "a" * 32)
    form = server.requests[0].form
    assert (form["To"], form["From"]) == ("whatsapp:+989121234567", "whatsapp:+15005550006")
    assert json.loads(form["ContentVariables"]) == {"1": notice("fa").short}
    assert "Body" not in form


async def test_a_messaging_service_stands_in_for_the_number(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    service = "MG" + "b" * 32
    async with HttpServer(Services()) as server:
        await deliver("sms", server, secret, http, messaging_service=service, **{"from": None})
    assert server.requests[0].form["MessagingServiceSid"] == service
    assert "From" not in server.requests[0].form


async def test_telegram_gets_the_plain_text(secret: Secret, http: httpx2.AsyncClient) -> None:
    async with HttpServer(Services()) as server:
        await deliver("telegram", server, secret, http)
    message = json.loads(server.requests[0].body)
    assert (message["chat_id"], message["text"]) == ("-1001", notice("fa").text)
    assert "parse_mode" not in message


async def test_slack_gets_blocks_of_plain_text_and_an_escaped_line(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    evil = replace(notice(), subject="<!channel> & " + "x" * 200, text="t\n\n" + "y" * 5_000)
    async with HttpServer(Services()) as server:
        settings = settings_for("slack", server.url, secret)
        await all_channels()["slack"].deliver(evil, settings, http)
    message = json.loads(server.requests[0].body)
    assert message["text"].startswith("&lt;!channel&gt; &amp; ")
    assert [b["text"]["type"] for b in message["blocks"]] == ["plain_text", "plain_text"]


async def test_a_webhook_is_signed_as_the_standard_says(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(Services()) as server:
        await deliver("webhook", server, secret, http)
        await deliver("webhook", server, secret, http)
    for request in server.requests:
        headers = request.headers
        assert headers["webhook-id"] == KEY
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
        version, _, signature = headers["webhook-signature"].partition(",")
        mac = HMAC(base64.b64decode(SIGNING[6:]), hashes.SHA256())
        mac.update(f"{KEY}.{headers['webhook-timestamp']}.".encode() + request.body)
        mac.verify(base64.b64decode(signature))
        assert version == "v1"
    sent = json.loads(server.requests[0].body)
    assert sent["type"] == "notice.opened"
    assert sent["data"]["incidents"] == ["i-7"]
    assert sent["data"]["facts"]["cause"] == "route"


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_a_server_in_trouble_is_tried_again(
    name: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    error, _ = await refusal(name, Reply(500, b"s3cret" * 20), secret, http)
    assert (error.permanent, error.in_doubt, error.retry_after_s) == (False, False, None)
    assert "500" in error.sentence


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_a_server_that_asks_for_patience_is_heard(
    name: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    error, _ = await refusal(name, Reply(429, headers={"Retry-After": "77"}), secret, http)
    assert (error.permanent, error.retry_after_s) == (False, 77.0)


@pytest.mark.parametrize("name", HTTP_CHANNELS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refusal_of_the_request_itself_is_permanent(
    name: str, status: int, secret: Secret, http: httpx2.AsyncClient
) -> None:
    error, _ = await refusal(name, Reply(status, b"{not json"), secret, http)
    assert error.permanent


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_a_redirect_is_not_followed(
    name: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(lambda _: Reply(204)) as elsewhere:
        moved = Reply(307, headers={"Location": f"{elsewhere.url}/s3cret"})
        error, _ = await refusal(name, moved, secret, http)
    assert error.permanent
    assert elsewhere.requests == []


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_an_endless_answer_is_cut(
    name: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    error, server = await refusal(name, Reply(500, b"x" * 65_536, endless=True), secret, http)
    assert "500" in error.sentence
    assert server.bytes_sent < 50_000_000


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_an_answer_that_drips_leaves_the_notice_in_doubt(
    name: str, secret: Secret, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "TIMEOUT_S", 0.3)
    drip = Reply(200, b"x", endless=True, pause_s=0.05)
    async with asyncio.timeout(5):
        error, _ = await refusal(name, drip, secret, http)
    assert (error.permanent, error.in_doubt) == (False, True)


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_a_lost_answer_leaves_the_notice_in_doubt(
    name: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    error, server = await refusal(name, Reply(drop=True), secret, http)
    assert (error.permanent, error.in_doubt) == (False, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_nobody_there_is_no_doubt(
    name: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(Services()) as server:
        pass
    with pytest.raises(Undeliverable, match="cannot be reached") as caught:
        await deliver(name, server, secret, http)
    assert (caught.value.permanent, caught.value.in_doubt) == (False, False)


@pytest.mark.parametrize("name", HTTP_CHANNELS)
async def test_a_certificate_of_an_unknown_authority_gets_no_secret(
    name: str, secret: Secret, http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    context = Authority(tmp_path / "other").server_context("localhost")
    async with HttpServer(Services(), context) as server:
        with pytest.raises(Undeliverable, match="certificate is not accepted") as caught:
            await deliver(name, server, secret, http)
    assert server.requests == []
    assert not caught.value.in_doubt


async def test_telegram_says_in_the_body_how_long_to_wait(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    busy = said(429, ok=False, description="Too Many Requests", parameters={"retry_after": 35})
    error, _ = await refusal("telegram", busy, secret, http)
    assert error.retry_after_s == 35.0


@pytest.mark.parametrize("body", [b"[]", b"", b"null", b'{"ok":false}', b"\xff", b"[" * 10_000])
async def test_a_strange_success_of_telegram_is_in_doubt(
    body: bytes, secret: Secret, http: httpx2.AsyncClient
) -> None:
    error, _ = await refusal("telegram", Reply(200, body), secret, http)
    assert error.in_doubt


async def test_a_server_that_echoes_a_secret_does_not_get_it_into_an_error(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    echo = said(400, ok=False, description=f"bad\x1b[31m token {BOT}", code=21211)
    for name in HTTP_CHANNELS:
        error, _ = await refusal(name, echo, secret, http)
        assert error.sentence.isprintable()
    error, _ = await refusal("slack", Reply(403, HOOK_PATH.encode()), secret, http)
    assert error.sentence == "Slack answered 403."


async def test_reasons_of_the_services_reach_the_operator(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    reasons = {
        "sms": (said(400, code=21610, message="x"), "error 21610, see twilio.com/docs/errors/"),
        "telegram": (said(403, ok=False, description="Forbidden: bot was blocked"), "blocked"),
        "slack": (Reply(410, b"channel_is_archived"), "channel_is_archived"),
    }
    for name, (fault, reason) in reasons.items():
        error, _ = await refusal(name, fault, secret, http)
        assert reason in error.sentence


async def test_no_log_line_holds_a_secret_address(
    secret: Secret, http: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with HttpServer(Services()) as server:
            for name in HTTP_CHANNELS:
                await deliver(name, server, secret, http)
    assert not any(s in caplog.text for s in SECRETS)


async def test_the_sign_of_life_is_one_get(http: httpx2.AsyncClient) -> None:
    async with HttpServer(lambda _: Reply(200, b"OK")) as server:
        await ping(f"{server.url}/s3cret-uuid", http)
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/s3cret-uuid")]


@pytest.mark.parametrize("fault", [Reply(500), Reply(404), Reply(302), Reply(drop=True)])
async def test_a_failed_sign_of_life_is_said_without_its_address(
    fault: Reply, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(lambda _: fault) as server:
        with pytest.raises(Undeliverable) as caught:
            await ping(f"{server.url}/s3cret-uuid", http)
    assert "s3cret" not in str(caught.value)


async def test_the_sign_of_life_never_goes_in_the_clear(http: httpx2.AsyncClient) -> None:
    with pytest.raises(Undeliverable, match="https://"):
        await ping("http://hc.example/s3cret", http)


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("sms", {"to": "09121234567"}, "to"),
        ("sms", {"to": "+0123456789"}, "to"),
        ("sms", {"account": "me"}, "account"),
        ("sms", {"messaging_service": "MG" + "b" * 32}, "either"),
        ("sms", {"base_url": "http://sms.example"}, "https://"),
        ("sms", {"auth_token": "x"}, "auth_token"),
        ("telegram", {"chat": "/../getMe"}, "chat"),
        ("webhook", {"url": "https://user:pw@hook.example/"}, "without a password"),
        ("webhook", {"url": "ftp://hook.example/"}, "https://"),
        ("webhook", {"secret_file": "nowhere"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    name: str, changes: dict[str, Any], problem: str, secret: Secret
) -> None:
    with pytest.raises(ValidationError, match=problem):
        settings_for(name, "https://service.example", secret, **changes)


def test_a_secret_that_others_may_read_is_refused(secret: Callable[..., Path]) -> None:
    with pytest.raises(ValidationError, match="chmod o-rwx"):
        settings_for("webhook", "https://x.example", secret, secret_file=secret(SIGNING, 0o644))


def test_relative_secrets_are_beside_the_settings(secret: Secret) -> None:
    path = secret(SIGNING)
    given = {"url": "https://x.example", "secret_file": path.name}
    settings: Any = all_channels()["webhook"].settings.model_validate(
        given, context={"folder": path.parent}
    )
    assert settings.secret_file == path


@pytest.mark.parametrize("bad", ["whsec_short", "whsec_!!!", SIGNING.removeprefix("whsec_")])
async def test_a_signing_key_that_is_none_is_a_permanent_refusal(
    bad: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    async with HttpServer(Services()) as server:
        with pytest.raises(Undeliverable, match="whsec_") as caught:
            await deliver("webhook", server, secret, http, secret_file=secret(bad))
    assert caught.value.permanent
    assert bad not in caught.value.sentence


async def test_a_secret_removed_since_is_said_by_its_path(
    secret: Secret, http: httpx2.AsyncClient
) -> None:
    settings: Any = settings_for("telegram", "http://localhost:1", secret)
    settings.token_file.unlink()
    with pytest.raises(Undeliverable, match="cannot be read"):
        await all_channels()["telegram"].deliver(notice(), settings, http)
