from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from daemon.settings import Settings, SettingsError, load
from daemon.settings.addresses import HostPort
from daemon.settings.example import EXAMPLE, example, schema, schema_text
from probes.endpoint import Endpoint, Tls
from tests.daemon.settings.conftest import PASSWORD, SECRETS

CONFIG = Path(__file__).resolve().parents[3] / "config"

SMALL: dict[str, Any] = {
    "database": "sqlite:///ledger.db",
    "secret_key_file": "secret.key",
    "seeds": [
        {
            "name": "gmail-1",
            "provider": "gmail",
            "address": "seed@gmail.com",
            "login": {"kind": "password", "password_file": "good.password"},
        },
    ],
    "shops": [
        {
            "name": "demo",
            "title": "فروشگاه",
            "languages": ["fa", "en"],
            "currency": "EUR",
            "routes": [
                {
                    "name": "primary",
                    "role": "primary",
                    "from": "فروشگاه <orders@shop.example>",
                    "smtp": {"host": "smtp.shop.example"},
                },
            ],
        },
    ],
}


def loaded(folder: Path, **changed: object) -> Settings:
    path = folder / "receiptwatch.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changed}, allow_unicode=True))
    return load(path)


def secret_files(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [v for k, v in value.items() if k.endswith("_file") and v]
        return own + [f for v in value.values() for f in secret_files(v)]
    return [f for v in value for f in secret_files(v)] if isinstance(value, list) else []


def test_what_is_not_written_has_its_default(folder: Path) -> None:
    settings = loaded(folder)
    assert settings.listen.console == HostPort("127.0.0.1", 8025)
    assert settings.cadence.primary == timedelta(minutes=20)
    assert settings.cadence.deadline == timedelta(minutes=6)
    assert settings.retention.probes == timedelta(days=400)
    assert settings.shops[0].primary.smtp.endpoint() == Endpoint(
        "smtp.shop.example", 587, Tls.STARTTLS
    )
    assert settings.shops[0].primary.envelope_sender == "orders@shop.example"
    assert settings.seeds[0].username == "seed@gmail.com"


def test_paths_are_relative_to_the_settings_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    settings = loaded(folder)
    assert settings.secret_key_file == folder / "secret.key"
    assert settings.database == f"sqlite:///{folder}/ledger.db"


def test_secrets_are_read_when_asked_for(folder: Path) -> None:
    settings = loaded(folder)
    login = settings.seeds[0].login
    assert login.kind == "password"
    assert login.read_password().get_secret_value() == PASSWORD
    assert settings.read_secret_key().get_secret_value() == SECRETS["secret.key"]


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_secret_may_be_read_by_its_owner_and_group(folder: Path, mode: int) -> None:
    (folder / "good.password").chmod(mode)
    assert loaded(folder).seeds[0].name == "gmail-1"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601])
def test_a_secret_that_others_may_touch_is_refused(folder: Path, mode: int) -> None:
    (folder / "good.password").chmod(mode)
    with pytest.raises(SettingsError, match="chmod o-rwx"):
        loaded(folder)


def test_a_secret_file_that_vanished_is_told_when_read(folder: Path) -> None:
    settings = loaded(folder)
    (folder / "secret.key").unlink()
    with pytest.raises(ValueError, match="there is no file"):
        settings.read_secret_key()


def test_no_secret_is_in_any_text_of_the_settings(folder: Path) -> None:
    settings = loaded(folder)
    login = settings.seeds[0].login
    assert login.kind == "password"
    texts = [repr(settings), settings.model_dump_json(), repr(login.read_password())]
    assert not [text for text in texts if PASSWORD in text]


def test_a_literal_secret_is_never_repeated(folder: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(folder, secret_key="hunter2", database="postgresql://shop:hunter2@db.example/x")
    assert len(refused.value.problems) == 2
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(refused.value.__context__)


def test_the_databases_password_is_put_into_its_url(folder: Path) -> None:
    (folder / "odd.password").write_text("p@ss/word\n")
    (folder / "odd.password").chmod(0o600)
    settings = loaded(
        folder,
        database="postgresql://shop@db.example:5432/receipts",
        database_password_file="odd.password",
    )
    url = settings.read_database_url()
    assert url.get_secret_value() == "postgresql://shop:p%40ss%2Fword@db.example:5432/receipts"
    assert "word" not in repr(url)


def test_settings_are_frozen(folder: Path) -> None:
    settings = loaded(folder)
    with pytest.raises(ValidationError, match="frozen"):
        settings.database = "other"  # type: ignore[misc]  # the promise


def test_public_addresses_are_for_those_who_say_so(folder: Path) -> None:
    settings = loaded(folder, listen={"console": "[::]:80", "allow_public": True})
    assert str(settings.listen.console) == "[::]:80"


def test_no_tls_is_allowed_on_loopback(folder: Path) -> None:
    imap = {"host": "127.0.0.1", "port": 1143, "tls": "none"}
    settings = loaded(folder, seeds=[{**SMALL["seeds"][0], "imap": imap}])
    assert settings.seeds[0].imap
    assert settings.seeds[0].imap.endpoint() == Endpoint("127.0.0.1", 1143, Tls.NONE)


def test_every_port_has_its_tls(folder: Path) -> None:
    servers = [{"host": "a.example", "tls": tls} for tls in ("implicit", "starttls", "none")]
    route = SMALL["shops"][0]["routes"][0]
    routes = [
        {**route, "name": f"r{at}", "role": "fallback" if at else "primary", "smtp": server}
        for at, server in enumerate(servers)
    ]
    settings = loaded(folder, shops=[{**SMALL["shops"][0], "routes": routes}])
    assert [r.smtp.port for r in settings.shops[0].routes] == [465, 587, 25]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_somebody_else_is_told(folder: Path) -> None:
    (folder / "secret.key").chmod(0)
    with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
        loaded(folder)


def test_a_secret_that_is_a_pipe_does_not_hang(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(SettingsError, match="pipe is not a file"):
        loaded(folder, secret_key_file="pipe")


def test_problems_stand_in_the_files_order(folder: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(folder, cadence={"jitter": 9}, seeds=3, zebra=1)
    lines = [problem.line for problem in refused.value.problems]
    assert len(lines) == 3
    assert lines == sorted(lines)


def test_the_files_in_config_are_what_the_models_say() -> None:
    """Write them anew with `receiptwatch config example` and `receiptwatch config schema`."""
    assert (CONFIG / "receiptwatch.example.yaml").read_text() == example()
    assert (CONFIG / "receiptwatch.schema.json").read_text() == schema_text()


def test_the_example_loads_once_its_secrets_exist(tmp_path: Path) -> None:
    path = tmp_path / "receiptwatch.yaml"
    path.write_text(example())
    (tmp_path / "secrets").mkdir()
    for name in secret_files(EXAMPLE):
        (tmp_path / name).write_bytes(SECRETS["secret.key"].hex().encode())
        (tmp_path / name).chmod(0o600)
    settings = load(path)
    assert [seed.provider for seed in settings.seeds] == ["gmail", "outlook", "yahoo", "plain"]
    assert settings.control
    assert settings.control.name == "control"


def test_the_example_is_valid_against_the_schema() -> None:
    checker = Draft202012Validator(schema())
    Draft202012Validator.check_schema(schema())
    checker.validate(yaml.safe_load(example()))
    bad = {**EXAMPLE, "seeds": [{**EXAMPLE["seeds"][0], "pasword": "x"}]}
    assert not checker.is_valid(json.loads(json.dumps(bad)))


def test_every_key_is_explained() -> None:
    definitions = [schema(), *schema()["$defs"].values()]
    silent = [
        f"{name} of {definition['title']}"
        for definition in definitions
        for name, known in definition["properties"].items()
        if not {"description", "$ref"} & known.keys() and name != "kind"
    ]
    assert silent == []
