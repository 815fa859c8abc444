"""What becomes of the settings when they take part in the rounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.assembly.parties import Parties
from daemon.settings import load
from probes.receipt import compose

if TYPE_CHECKING:
    from pathlib import Path

    from probes.oauth import RefreshStore

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def no_store(_account: str) -> RefreshStore:
    raise AssertionError("nobody logs in by OAuth here")


def test_a_shops_own_template_and_subject_make_its_receipts(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "receipt.txt").write_text("Dear customer, order {{ order_number }} is yours.\n")
    for secret in ("key", "password"):
        (tmp_path / secret).chmod(0o600)
    login = {"kind": "password", "username": "shop", "password_file": "password"}
    shop = {
        "name": "tea",
        "title": "Tea House",
        "languages": ["en"],
        "currency": "EUR",
        "template": {"text_file": "receipt.txt", "subject": "Tea: order {{ order_number }}"},
        "routes": [
            {
                "name": "relay",
                "role": "primary",
                "from": "Tea House <orders@tea.example>",
                "smtp": {"host": "smtp.tea.example"},
                "login": login,
            }
        ],
    }
    seed = {"name": "gmail-1", "provider": "gmail", "address": "seed@gmail.com", "login": login}
    whole = {"database": "sqlite:///x.db", "secret_key_file": "key", "seeds": [seed]}
    file = tmp_path / "receiptwatch.yaml"
    file.write_text(json.dumps(whole | {"shops": [shop]}))  # JSON is YAML
    [route] = Parties(load(file), bytes(32), no_store, lambda: NOON).routes()
    receipt = compose(
        token="0" * 24,
        sender=route.sender,
        recipient="seed@gmail.com",
        now=NOON,
        template=route.template,
    )
    assert b"\r\nSubject: Tea: order " in receipt.message
    assert b"Dear customer, order " in receipt.message
