"""`init` is answered from stdin or a file, against real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from daemon.assembly.keys import Keys
from daemon.cli import app
from daemon.demo.pki import Authority
from daemon.ledger import credentials
from daemon.ledger.database import Ledger
from daemon.settings import load
from probes.token import candidates, verify
from tests.daemon.relay import PASSWORD as RELAY_PASSWORD
from tests.daemon.relay import USERNAME, Relay
from tests.probes.imap_script import EXCHANGE, GMAIL, ScriptedImap
from tests.probes.oauth_server import CLIENT, OAuthServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.settings import Settings

IMAP_PASSWORD = "open sesame"


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as relay:
        yield relay


@pytest.fixture
def gmail() -> Iterator[ScriptedImap]:
    with ScriptedImap(GMAIL) as server:
        yield server
    assert server.violations == []


def run(folder: Path, *options: str, typed: str = "") -> tuple[int, str]:
    arguments = ["init", "--config", str(folder / "receiptwatch.yaml"), *options]
    result = CliRunner().invoke(app, arguments, input=typed)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, result.output


def seed_answers(server: ScriptedImap, **changed: object) -> dict[str, Any]:
    return {
        "address": "seed@gmail.com",
        "imap": {"host": "127.0.0.1", "tls": "none", "port": server.port},
        "login": {"kind": "password", "password": IMAP_PASSWORD},
        **changed,
    }


def answers(seeds: list[dict[str, Any]], relay: Relay, **changed: object) -> dict[str, Any]:
    return {
        "shop": {"title": "Example Shop", "languages": "en, fa"},
        "seeds": seeds,
        "routes": [
            {
                "from": "Example Shop <orders@shop.example>",
                "smtp": {"host": "127.0.0.1", "tls": "none", "port": relay.port},
                "login": {"username": USERNAME, "password": RELAY_PASSWORD},
            },
        ],
        **changed,
    }


def unattended(
    folder: Path, given: dict[str, Any], *options: str, mode: int = 0o600
) -> tuple[int, str]:
    file = folder / "answers.yaml"
    file.write_text(json.dumps(given))
    file.chmod(mode)
    return run(folder, "--answers", str(file), *options)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"answers.yaml"}


async def stored_login(settings: Settings, account: str) -> str | None:
    ledger = await Ledger.open(settings.read_database_url().get_secret_value())
    try:
        async with ledger.read() as conn:
            return await credentials.load(conn, Keys.of(settings).credentials, account)
    finally:
        await ledger.close()


def test_answers_become_settings_that_load(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    code, said = unattended(tmp_path, answers([seed_answers(gmail)], relay))
    assert code == 0, said
    settings = load(tmp_path / "receiptwatch.yaml")
    assert [seed.name for seed in settings.seeds] == ["gmail-1"]
    assert settings.shops[0].name == "example-shop"
    assert settings.shops[0].languages == ("en", "fa")
    assert settings.shops[0].primary.login
    assert "Spam can be read: [Gmail]/هرزنامه" in said
    assert "took a test receipt for seed@gmail.com" in said
    assert "receiptwatch check --config" in said


def test_secrets_are_written_for_the_owner_alone_and_never_shown(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    _, said = unattended(tmp_path, answers([seed_answers(gmail)], relay))
    secrets = tmp_path / "secrets"
    files = {path.name: path.read_text("latin-1") for path in secrets.iterdir()}
    assert mode_of(secrets) == 0o700
    assert {mode_of(path) for path in secrets.iterdir()} == {0o600}
    assert set(files) == {"secret.key", "gmail-1.password", "example-shop-primary.password"}
    assert files["gmail-1.password"] == f"{IMAP_PASSWORD}\n"
    written = (tmp_path / "receiptwatch.yaml").read_text()
    assert not [s for s in (IMAP_PASSWORD, RELAY_PASSWORD) if s in said + written]


def signed_for_the_daemon(relay: Relay, settings: Settings) -> list[bool]:
    key = Keys.of(settings).tokens
    texts = [content.decode() for content in relay.contents]
    return [any(verify(key, w, "seed@gmail.com") for w in candidates(text)) for text in texts]


def test_the_test_receipt_is_no_forgery_to_the_daemon(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    unattended(tmp_path, answers([seed_answers(gmail)], relay))
    assert relay.taken[0].mail_from == "orders@shop.example"
    assert signed_for_the_daemon(relay, load(tmp_path / "receiptwatch.yaml")) == [True]


def test_a_person_puts_a_wrong_password_right(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    typed = [
        *("فروشگاه", "", "fa", ""),  # shop: title, name, languages, currency
        *("seed@mail.example", "", "own", "127.0.0.1", "none", str(gmail.port)),
        *("password", "wrong", "retry"),
        *("", "", "", "", "", "", "", IMAP_PASSWORD),  # what was answered before is offered again
        "n",  # no more inboxes
        *("", "no sender", "فروشگاه <orders@shop.example>"),
        *("127.0.0.1", "none", str(relay.port), "password", USERNAME, "wrong", "r"),
        *("", "", "", "", "", "", "", RELAY_PASSWORD),
        "n",  # no fallback
    ]
    code, said = run(tmp_path, typed="\n".join(typed) + "\n")
    assert code == 0, said
    settings = load(tmp_path / "receiptwatch.yaml")
    assert settings.shops[0].name == "shop"
    assert settings.shops[0].title == "فروشگاه"
    assert [seed.name for seed in settings.seeds] == ["own"]
    assert (tmp_path / "secrets" / "own.password").read_text() == f"{IMAP_PASSWORD}\n"
    assert "✗ 127.0.0.1" in said
    assert said.count("Use the password that your mail program uses") == 3  # asked, failed, asked
    assert "✗ At login: 535" in said
    assert "is not an address of the form local@domain" in said
    assert len(relay.taken) == 1


def test_a_failing_inbox_is_left_out_when_told_so(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    bad = seed_answers(gmail, address="bad@gmail.com", login={"kind": "password", "password": "x"})
    code, said = unattended(tmp_path, answers([bad, seed_answers(gmail)], relay, on_failure="skip"))
    settings = load(tmp_path / "receiptwatch.yaml")
    assert (code, [seed.address for seed in settings.seeds]) == (0, ["seed@gmail.com"])
    assert "bad@gmail.com is left out" in said


def test_a_server_that_is_not_there_is_told_without_advice_on_logins(
    tmp_path: Path, relay: Relay
) -> None:
    with ScriptedImap(GMAIL) as server:
        gone = seed_answers(server)
    code, said = unattended(tmp_path, answers([gone], relay))
    assert code == 1
    assert "cannot be reached" in said
    assert said.count("app password") == 1


def test_stopping_leaves_nothing_behind(tmp_path: Path, relay: Relay, gmail: ScriptedImap) -> None:
    bad = seed_answers(gmail, login={"kind": "password", "password": "wrong"})
    code, said = unattended(tmp_path, answers([bad], relay))
    assert (code, left_behind(tmp_path)) == (1, set())
    assert "Nothing was written." in said


def test_an_interrupted_conversation_leaves_nothing_behind(tmp_path: Path) -> None:
    code, _ = run(tmp_path, typed="Example Shop\n")
    assert (code, left_behind(tmp_path)) == (1, set())


def test_a_hidden_spam_folder_is_a_failure_with_its_remedy(tmp_path: Path, relay: Relay) -> None:
    shown = {name: flags for name, flags in GMAIL.folders.items() if "Junk" not in flags}
    with ScriptedImap(replace(GMAIL, folders=shown)) as server:
        code, said = unattended(tmp_path, answers([seed_answers(server)], relay))
    assert code == 1
    assert "let Spam be shown in IMAP" in said


def test_a_route_that_refuses_is_kept_untested_when_told_so(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    relay.refusal = "550 5.7.1 relaying denied"
    code, said = unattended(tmp_path, answers([seed_answers(gmail)], relay, on_failure="skip"))
    assert code == 0
    assert "At rcpt: 550" in said
    assert "The route primary is kept untested." in said


def test_a_fallback_route_is_asked_for_after_the_primary(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    given = answers([seed_answers(gmail)], relay)
    given["routes"] = [given["routes"][0], {**given["routes"][0], "mail_from": "b@shop.example"}]
    code, said = unattended(tmp_path, given)
    assert code == 0, said
    shop = load(tmp_path / "receiptwatch.yaml").shops[0]
    assert [(route.name, route.role) for route in shop.routes] == [
        ("primary", "primary"),
        ("fallback", "fallback"),
    ]
    assert [envelope.mail_from for envelope in relay.taken][-1] == "b@shop.example"


def test_an_existing_file_is_left_alone_without_force(tmp_path: Path) -> None:
    (tmp_path / "receiptwatch.yaml").write_text("mine\n")
    code, said = run(tmp_path)
    assert (code, (tmp_path / "receiptwatch.yaml").read_text()) == (2, "mine\n")
    assert "--force overwrites it" in said


def test_force_overwrites_everything_but_the_key(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    given = answers([seed_answers(gmail)], relay)
    unattended(tmp_path, given)
    file = tmp_path / "secrets" / "secret.key"
    key = file.read_bytes()
    file.chmod(0o640)
    given["shop"] = {"title": "Other Shop"}
    code, _ = unattended(tmp_path, given, "--force")
    settings = load(tmp_path / "receiptwatch.yaml")
    assert (code, settings.shops[0].title) == (0, "Other Shop")
    assert (file.read_bytes(), mode_of(file)) == (key, 0o640)
    assert signed_for_the_daemon(relay, settings) == [True, True]


def test_an_older_secret_is_not_overwritten(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    older = tmp_path / "secrets" / "gmail-1.password"
    older.parent.mkdir(mode=0o700)
    older.write_text("older\n")
    unattended(tmp_path, answers([seed_answers(gmail)], relay))
    (seed,) = load(tmp_path / "receiptwatch.yaml").seeds
    assert older.read_text() == "older\n"
    assert seed.login.kind == "password"
    assert seed.login.password_file.name == "gmail-1-2.password"


def test_a_private_authority_is_believed_when_it_is_named(tmp_path: Path, relay: Relay) -> None:
    authority = Authority(tmp_path / "pki")
    with ScriptedImap(GMAIL, authority.server_context("imap.test")) as server:
        imap = {"host": "127.0.0.1", "port": server.port, "ca_file": str(authority.ca_file)}
        code, said = unattended(tmp_path, answers([seed_answers(server, imap=imap)], relay))
    assert code == 0, said
    (seed,) = load(tmp_path / "receiptwatch.yaml").seeds
    assert seed.imap
    assert seed.imap.ca_file == authority.ca_file


def test_a_persons_oauth_login_is_kept_in_the_ledger(tmp_path: Path, relay: Relay) -> None:
    with ScriptedImap(EXCHANGE) as server, OAuthServer() as oauth:
        oauth.interval = 1
        login = {
            "client_id": CLIENT,
            "token_url": f"{oauth.url}/token",
            "auth_url": f"{oauth.url}/devicecode",
        }
        server.password = "canary-access-3"  # after the code and the poll
        seed = seed_answers(server, address="seed@outlook.com", login=login)
        code, said = unattended(tmp_path, answers([seed], relay))
    assert code == 0, said
    settings = load(tmp_path / "receiptwatch.yaml")
    assert asyncio.run(stored_login(settings, "outlook-1")) in oauth.refresh_tokens
    assert "type" in said


def test_a_missing_answer_is_told_with_its_place(
    tmp_path: Path, relay: Relay, gmail: ScriptedImap
) -> None:
    seed = seed_answers(gmail)
    del seed["address"]
    code, said = unattended(tmp_path, answers([seed], relay))
    assert (code, left_behind(tmp_path)) == (2, set())
    assert "seeds[0].address: an answer is needed: Address of the probe inbox" in said


def test_a_wrong_answer_is_told_with_its_place(tmp_path: Path, relay: Relay) -> None:
    given = answers([], relay, shop={"title": "Example Shop", "currency": "EURO"})
    code, said = unattended(tmp_path, given)
    assert code == 2
    assert "shop.currency: must be a currency's code" in said


def test_answers_that_all_may_read_are_refused(tmp_path: Path, relay: Relay) -> None:
    code, said = unattended(tmp_path, answers([], relay), mode=0o644)
    assert code == 2
    assert "chmod o-rwx" in said
