from __future__ import annotations

import ssl
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from daemon.alerts.channel import Receipt, Undeliverable
from daemon.alerts.channels.email import CHANNEL, EmailSettings
from daemon.alerts.words import LANGUAGES
from daemon.demo.pki import Authority
from probes.endpoint import Tls
from tests.daemon.alerts.channel_samples import KEY, notice
from tests.probes.smtp_script import DROP, ScriptedSmtp
from tests.probes.test_submission_to_aiosmtpd import GOOD, Postmaster, aiosmtpd_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage
    from pathlib import Path

    import httpx2

    Secret = Callable[[str], Path]


def settings(port: int | None, **changes: object) -> EmailSettings:
    keys = {
        "to": "sara@owner.test",
        "from": "Receiptwatch <alerts@watch.test>",
        "host": "localhost",
        "port": port,
        "tls": "none",
    }
    return EmailSettings.model_validate({**keys, **changes})


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_notice_arrives_by_tls_and_login_as_text_and_html(
    tls: Tls, language: str, authority: Authority, secret: Secret, http: httpx2.AsyncClient
) -> None:
    postmaster, told = Postmaster(), notice(language)
    async with aiosmtpd_server(authority, postmaster, tls) as endpoint:
        route = settings(
            endpoint.port,
            tls=tls.value,
            ca_file=authority.ca_file,
            username=GOOD.username,
            password_file=secret(GOOD.password),
        )
        assert await CHANNEL.deliver(told, route, http) == Receipt("7F00DCAFE")
    [envelope] = postmaster.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@watch.test", ["sara@owner.test"])
    assert isinstance(envelope.content, bytes)
    mail = read(envelope.content)
    assert mail.defects == []
    assert mail["Subject"] == told.subject
    assert mail["From"] == "Receiptwatch <alerts@watch.test>"
    assert mail["Message-ID"] == f"<{KEY}@watch.test>"
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == (language, "auto-generated")
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert isinstance(text, type(mail))
    assert text.get_content().splitlines() == told.text.splitlines()
    assert html.get_content().split() == told.html.split()


async def test_every_try_is_the_same_message_in_one_thread(http: httpx2.AsyncClient) -> None:
    async with ScriptedSmtp() as server:
        for _ in range(2):
            await CHANNEL.deliver(notice("fa"), settings(server.port), http)
    first, second = server.received
    assert first == second
    assert b"\r\nReferences: <incident." in first


@pytest.mark.parametrize(
    ("reply", "permanent"), [("451 4.7.1 later", False), ("550 5.1.1 nobody", True)]
)
async def test_a_refusal_is_permanent_when_the_server_says_so(
    reply: str,
    permanent: bool,  # noqa: FBT001 - parametrised
    http: httpx2.AsyncClient,
) -> None:
    async with ScriptedSmtp({"RCPT": reply}) as server:
        with pytest.raises(Undeliverable, match=reply[:3]) as caught:
            await CHANNEL.deliver(notice(), settings(server.port), http)
    assert (caught.value.permanent, caught.value.in_doubt) == (permanent, False)


async def test_a_lost_answer_after_the_message_leaves_it_in_doubt(
    http: httpx2.AsyncClient,
) -> None:
    async with ScriptedSmtp({".": DROP}) as server:
        with pytest.raises(Undeliverable) as caught:
            await CHANNEL.deliver(notice(), settings(server.port), http)
    assert (caught.value.permanent, caught.value.in_doubt) == (False, True)


async def test_a_server_of_an_unknown_authority_gets_neither_login_nor_notice(
    authority: Authority, secret: Secret, http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    postmaster = Postmaster()
    async with aiosmtpd_server(Authority(tmp_path / "other"), postmaster, Tls.STARTTLS) as endpoint:
        route = settings(
            endpoint.port,
            tls="starttls",
            ca_file=authority.ca_file,
            username=GOOD.username,
            password_file=secret(GOOD.password),
        )
        with pytest.raises(Undeliverable) as caught:
            await CHANNEL.deliver(notice(), route, http)
    assert (postmaster.envelopes, postmaster.mechanisms) == ([], [])
    assert GOOD.password not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"to": "sara@owner.test, evil@x.test"}, "to"),
        ({"from": "x"}, "from"),
        ({"username": "u"}, "belong together"),
        ({"password": "x"}, "password"),
        ({"ca_file": "nowhere.pem"}, "no certificate"),
        ({"tls": "off"}, "tls"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        settings(25, **changes)


def test_a_login_never_crosses_the_network_in_the_clear(secret: Secret) -> None:
    with pytest.raises(ValidationError, match="loopback only"):
        settings(25, host="smtp.relay.example", username="u", password_file=secret("p"))


def test_the_port_follows_from_the_protection() -> None:
    assert settings(None, tls="implicit").endpoint.port == 465
    assert settings(25).mailbox.domain == "watch.test"


def test_the_systems_authorities_are_asked_where_no_other_is_named() -> None:
    context = settings(25, tls="starttls").endpoint.tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
