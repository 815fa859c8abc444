from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiosmtplib
import pytest

from daemon.demo.pki import Authority
from probes.endpoint import Bearer, Endpoint, Password, Tls
from probes.submission import Outcome, Stage, Submission, submit
from tests.probes.smtp_script import DROP, SILENCE, ScriptedSmtp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probes.endpoint import Login

MESSAGE = (
    b"From: orders@shop.test\r\nTo: seed@mail.test\r\nSubject: Order\r\n\r\n"
    b"Hello\r\n.\r\n..dots\r\n.end\r\n\r\n"
)
PASSWORD = Password("shop", "s3cret päss")
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def ticking() -> Callable[[], datetime]:
    ticks = iter(range(1, 100))
    return lambda: START + timedelta(seconds=next(ticks))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


async def sent(
    server: ScriptedSmtp,
    tls: Tls = Tls.NONE,
    ca_file: Path | None = None,
    login: Login | None = None,
    envelope: dict[str, Any] | None = None,
) -> Submission:
    endpoint = Endpoint("localhost", server.port, tls, ca_file, timeout_s=5)
    usual = {"mail_from": "bounce@shop.test", "rcpt_to": "seed+1@mail.test"}
    given = {**usual, **(envelope or {})}
    return await submit(MESSAGE, endpoint=endpoint, login=login, now=ticking(), **given)


async def test_an_accepted_message_keeps_what_the_server_said() -> None:
    async with ScriptedSmtp() as server:
        result = await sent(server)
    assert result == Submission(
        outcome=Outcome.ACCEPTED,
        stage=Stage.DATA,
        at=START + timedelta(seconds=1),
        text="Ok: queued as 4XyZ12abcD",
        code=250,
        enhanced="2.0.0",
        greeting_host="relay.test",
        queue_id="4XyZ12abcD",
    )


async def test_the_bytes_and_addresses_on_the_wire_are_those_given() -> None:
    async with ScriptedSmtp() as server:
        await sent(server, envelope={"helo": "probe.shop.test"})
    assert server.commands == [
        "EHLO probe.shop.test",
        "MAIL FROM:<bounce@shop.test>",
        "RCPT TO:<seed+1@mail.test>",
        "DATA",
        "QUIT",
    ]
    [wire] = server.received
    assert wire.replace(b"\r\n.", b"\r\n") == MESSAGE + b"\r\n"  # dots undone, the final one too


async def test_we_greet_with_the_senders_domain() -> None:
    async with ScriptedSmtp() as server:
        await sent(server)
    assert server.commands[0] == "EHLO shop.test"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"a",
        b"a\n",
        b"a\r",
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\r\n.\nb\r\n",
        b"a\r\n\n.\r\nMAIL FROM:<evil@x.test>\r\n",
        b"a\r\r\n.\r\n",
        b"a\0b\r\n",
        "ä\r\n".encode(),
        b"a" * 999 + b"\r\n",
    ],
)
async def test_a_message_that_would_change_on_the_wire_never_connects(message: bytes) -> None:
    async with ScriptedSmtp() as server:
        endpoint = Endpoint("localhost", server.port, Tls.NONE)
        with pytest.raises(ValueError, match="the message"):
            await submit(
                message,
                mail_from="a@b.test",
                rcpt_to="c@d.test",
                endpoint=endpoint,
                login=None,
                now=ticking(),
            )
    assert server.commands == []


@pytest.mark.parametrize(
    "hostile",
    [
        "a@good.test, evil@x.test",
        '"x\r\nRCPT TO:<evil@x.test>"@y.test',
        "a@b.test> SIZE=1",
        "سارا@mail.test",
    ],
)
@pytest.mark.parametrize("which", ["mail_from", "rcpt_to"])
async def test_a_hostile_address_never_connects(which: str, hostile: str) -> None:
    async with ScriptedSmtp() as server:
        with pytest.raises(ValueError, match=r"@"):
            await sent(server, envelope={which: hostile})
    assert server.commands == []


@pytest.mark.parametrize(
    ("verb", "stage"),
    [
        ("BANNER", Stage.CONNECT),
        ("EHLO", Stage.CONNECT),
        ("MAIL", Stage.MAIL),
        ("RCPT", Stage.RCPT),
        ("DATA", Stage.DATA),
        (".", Stage.DATA),
    ],
)
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("450 4.2.1 later", Outcome.DEFERRED),
        ("421 4.2.1 later", Outcome.DEFERRED),
        ("550 5.2.1 never", Outcome.REJECTED),
        ("554 5.2.1 never", Outcome.REJECTED),
    ],
)
async def test_a_refusal_is_known_by_its_stage_and_codes(
    verb: str, stage: Stage, reply: str, outcome: Outcome
) -> None:
    async with ScriptedSmtp({verb: reply}) as server:
        result = await sent(server)
    assert (result.outcome, result.stage) == (outcome, stage)
    assert (result.code, result.enhanced) == (int(reply[:3]), reply[4:9])
    assert result.text in {"later", "never"}
    assert result.at == START + timedelta(seconds=1)
    assert not result.in_doubt


async def test_a_reply_of_many_lines_becomes_one_printable_line() -> None:
    reply = "550-5.7.26 Blocked: \x1b[31m the sender\n550-5.7.26 is\tunknown \udcff\n550 5.7.26 x"
    wire = reply.encode("utf-8", "surrogateescape").decode("latin-1")
    async with ScriptedSmtp({"RCPT": wire}) as server:
        result = await sent(server)
    assert (result.code, result.enhanced) == (550, "5.7.26")
    assert result.text.startswith("Blocked: ?[31m the sender is unknown ")
    assert result.text.isprintable()
    assert "5.7.26" not in result.text


async def test_a_very_long_reply_is_cut() -> None:
    async with ScriptedSmtp({"RCPT": "550 " + "x" * 5_000}) as server:
        result = await sent(server)
    assert len(result.text) == 1_000


@pytest.mark.parametrize("verb", ["BANNER", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", [DROP, "garbage", "334 what", "199 hm", "2x0 ok", ""])
async def test_no_reply_before_the_message_is_a_failure_without_doubt(
    verb: str, reply: str
) -> None:
    async with ScriptedSmtp({verb: reply}) as server:
        result = await sent(server)
    assert result.outcome is Outcome.FAILED
    assert not result.in_doubt
    assert result.text


@pytest.mark.parametrize("reply", [DROP, "garbage", "354 still here"])
async def test_no_reply_after_the_final_dot_leaves_the_message_in_doubt(reply: str) -> None:
    async with ScriptedSmtp({".": reply}) as server:
        result = await sent(server)
    assert len(server.received) == 1
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.DATA)
    assert result.in_doubt


@pytest.mark.parametrize(
    ("verb", "stage"), [("BANNER", Stage.CONNECT), ("RCPT", Stage.RCPT), (".", Stage.DATA)]
)
async def test_a_server_that_falls_silent_is_left_after_the_timeout(
    verb: str, stage: Stage
) -> None:
    async with ScriptedSmtp({verb: SILENCE}) as server:
        endpoint = Endpoint("localhost", server.port, Tls.NONE, timeout_s=0.2)
        result = await submit(
            MESSAGE,
            mail_from="a@b.test",
            rcpt_to="c@d.test",
            endpoint=endpoint,
            login=None,
            now=ticking(),
        )
    assert (result.outcome, result.stage) == (Outcome.FAILED, stage)
    assert result.in_doubt is (verb == ".")
    assert "imed out" in result.text


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "a..b", "x" * 300])
async def test_a_host_that_is_not_there_is_a_failure_to_connect(host: str) -> None:
    async with ScriptedSmtp() as server:
        port = server.port
    endpoint = Endpoint(host, port, Tls.NONE, timeout_s=5)
    result = await submit(
        MESSAGE,
        mail_from="a@b.test",
        rcpt_to="c@d.test",
        endpoint=endpoint,
        login=None,
        now=ticking(),
    )
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.CONNECT)
    assert result.code is None


async def test_an_accepted_message_stays_accepted_when_quit_fails() -> None:
    async with ScriptedSmtp({"QUIT": DROP}) as server:
        assert (await sent(server)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_tls_facts_are_kept(authority: Authority, tls: Tls) -> None:
    context = authority.server_context("localhost")
    async with ScriptedSmtp(tls=context, implicit=tls is Tls.IMPLICIT) as server:
        result = await sent(server, tls, authority.ca_file)
    assert result.outcome is Outcome.ACCEPTED
    assert result.tls is not None
    assert result.tls.version == "TLSv1.3"
    assert result.tls.cipher.startswith("TLS_")
    assert result.tls.peer == "localhost"


async def test_after_starttls_the_server_is_greeted_anew(authority: Authority) -> None:
    async with ScriptedSmtp(tls=authority.server_context("localhost")) as server:
        await sent(server, Tls.STARTTLS, authority.ca_file)
    assert [c.split(" ")[0] for c in server.commands][:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


async def test_a_server_without_starttls_gets_no_message(authority: Authority) -> None:
    async with ScriptedSmtp() as server:
        result = await sent(server, Tls.STARTTLS, authority.ca_file, PASSWORD)
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.TLS)
    assert "does not offer STARTTLS" in result.text
    assert server.commands == ["EHLO shop.test"]


async def test_a_server_that_refuses_starttls_gets_no_message(authority: Authority) -> None:
    context = authority.server_context("localhost")
    async with ScriptedSmtp({"STARTTLS": "454 4.7.0 TLS not available"}, tls=context) as server:
        result = await sent(server, Tls.STARTTLS, authority.ca_file, PASSWORD)
    assert (result.outcome, result.stage) == (Outcome.DEFERRED, Stage.TLS)
    assert server.commands == ["EHLO shop.test", "STARTTLS"]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_a_certificate_of_another_name_or_authority_ends_it(
    authority: Authority, tmp_path: Path, tls: Tls, wrong: str
) -> None:
    ca_file = Authority(tmp_path).ca_file if wrong == "authority" else authority.ca_file
    context = authority.server_context("other.test" if wrong == "name" else "localhost")
    async with ScriptedSmtp(tls=context, implicit=tls is Tls.IMPLICIT) as server:
        result = await sent(server, tls, ca_file, PASSWORD)
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.TLS)
    assert "certificate" in result.text.lower()
    assert not any(c.startswith(("AUTH", "MAIL")) for c in server.commands)


async def test_a_plain_server_on_a_tls_port_is_a_failure_of_tls(authority: Authority) -> None:
    async with ScriptedSmtp() as server:
        result = await sent(server, Tls.IMPLICIT, authority.ca_file)
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.TLS)


async def test_a_missing_ca_file_is_a_failure_and_no_exception(tmp_path: Path) -> None:
    async with ScriptedSmtp() as server:
        result = await sent(server, Tls.IMPLICIT, tmp_path / "gone.pem")
    assert result.outcome is Outcome.FAILED
    assert "gone.pem" in result.text or "No such file" in result.text


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


async def test_a_password_goes_by_plain_where_offered() -> None:
    async with ScriptedSmtp(offers=("AUTH LOGIN PLAIN",)) as server:
        result = await sent(server, login=PASSWORD)
    assert result.outcome is Outcome.ACCEPTED
    assert server.commands[1] == f"AUTH PLAIN {plain('shop', 's3cret päss')}"


@pytest.mark.parametrize(
    ("peer", "stage"),
    [("192.0.2.1", Stage.LOGIN), ("2001:db8::1", Stage.LOGIN), ("::1", Stage.DATA)],
)
async def test_a_login_in_the_clear_goes_to_loopback_only(
    monkeypatch: pytest.MonkeyPatch, peer: str, stage: Stage
) -> None:
    real = aiosmtplib.SMTP.get_transport_info

    def from_afar(client: aiosmtplib.SMTP, key: str) -> Any:
        return (peer, 25) if key == "peername" else real(client, key)

    monkeypatch.setattr(aiosmtplib.SMTP, "get_transport_info", from_afar)
    async with ScriptedSmtp(offers=("AUTH PLAIN XOAUTH2",)) as server:
        for login in (PASSWORD, Bearer("shop", lambda: "t0ken")):
            assert (await sent(server, login=login)).stage is stage
    assert any(c.startswith("AUTH") for c in server.commands) == (stage is Stage.DATA)


async def test_a_refused_login_is_tried_once_and_ends_it() -> None:
    replies = {"AUTH": "535 5.7.8 bad credentials"}
    async with ScriptedSmtp(replies, offers=("AUTH LOGIN PLAIN CRAM-MD5",)) as server:
        result = await sent(server, login=PASSWORD)
    assert (result.outcome, result.stage) == (Outcome.REJECTED, Stage.LOGIN)
    assert (result.code, result.enhanced) == (535, "5.7.8")
    assert sum(c.startswith("AUTH") for c in server.commands) == 1


@pytest.mark.parametrize("offers", [(), ("AUTH CRAM-MD5 GSSAPI",), ("AUTH LOGIN PLAIN",)])
async def test_a_login_that_the_server_does_not_offer_is_a_failure(
    offers: tuple[str, ...],
) -> None:
    login = Bearer("shop", lambda: "t0ken") if "PLAIN" in str(offers) else PASSWORD
    async with ScriptedSmtp(offers=offers) as server:
        result = await sent(server, login=login)
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.LOGIN)
    assert "offers no login" in result.text
    assert len(server.commands) == 1


async def test_a_bearer_token_goes_by_xoauth2() -> None:
    async with ScriptedSmtp(offers=("AUTH XOAUTH2 PLAIN",)) as server:
        result = await sent(server, login=Bearer("shop@mail.test", lambda: "t0ken"))
    assert result.outcome is Outcome.ACCEPTED
    mechanism, initial = server.commands[1].split(" ")[1:]
    assert mechanism == "XOAUTH2"
    assert base64.b64decode(initial) == b"user=shop@mail.test\1auth=Bearer t0ken\1\1"


async def test_a_refused_bearer_token_shows_the_final_reply_and_not_the_challenge() -> None:
    replies = {
        "AUTH": "334 eyJzdGF0dXMiOiI0MDAifQ==",
        "RESPONSE": "535 5.7.8 Username and Password not accepted",
    }
    async with ScriptedSmtp(replies, offers=("AUTH XOAUTH2",)) as server:
        refused: list[str] = []
        login = Bearer("shop@mail.test", lambda: "expired", refused.append)
        result = await sent(server, login=login)
    assert refused == ["expired"]
    assert (result.outcome, result.code) == (Outcome.REJECTED, 535)
    assert server.commands[2] == ""


async def test_a_token_that_cannot_be_had_is_a_failure_of_login() -> None:
    def revoked() -> str:
        raise RuntimeError("invalid_grant: log in again")

    async with ScriptedSmtp(offers=("AUTH XOAUTH2",)) as server:
        result = await sent(server, login=Bearer("shop@mail.test", revoked))
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.LOGIN)
    assert "invalid_grant" in result.text


async def test_no_secret_shows_in_what_is_kept_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    async with ScriptedSmtp({"AUTH": "535 5.7.8 no"}, offers=("AUTH PLAIN",)) as server:
        result = await sent(server, login=PASSWORD)
    secrets = ("s3cret", plain("shop", "s3cret päss"))
    assert not any(secret in repr(result) + repr(PASSWORD) + caplog.text for secret in secrets)
