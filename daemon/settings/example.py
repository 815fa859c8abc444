"""The example settings file and the JSON schema, as config/ holds them."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from daemon.settings.addresses import HostPort
from daemon.settings.durations import text
from daemon.settings.models import Settings
from daemon.settings.section import Section
from daemon.settings.writing import written

EXAMPLE: dict[str, Any] = {
    "database": "sqlite:///ledger.db",
    "secret_key_file": "secrets/secret.key",
    "listen": Settings.model_fields["listen"].default.model_dump(mode="json"),
    "dns": Settings.model_fields["dns"].default.model_dump(mode="json"),
    "cadence": Settings.model_fields["cadence"].default.model_dump(mode="json"),
    "retention": Settings.model_fields["retention"].default.model_dump(mode="json"),
    "intake": {
        "listen": [{"address": "127.0.0.1:2525", "tls": "none"}],
        "hostname": "receiptwatch.shop.example",
    },
    "seeds": [
        {
            "name": "gmail-1",
            "provider": "gmail",
            "address": "example.seed@gmail.com",
            "login": {"kind": "password", "password_file": "secrets/gmail-1.password"},
        },
        {
            "name": "outlook-1",
            "provider": "outlook",
            "address": "example.seed@outlook.com",
            "login": {
                "kind": "oauth",
                "flow": "microsoft-device",
                "client_id": "00000000-0000-0000-0000-000000000000",
            },
        },
        {
            "name": "yahoo-1",
            "provider": "yahoo",
            "address": "example.seed@yahoo.com",
            "login": {"kind": "password", "password_file": "secrets/yahoo-1.password"},
        },
        {
            "name": "own-1",
            "provider": "plain",
            "address": "seed@mail.example",
            "login": {"kind": "password", "password_file": "secrets/own-1.password"},
            "imap": {"host": "imap.mail.example"},
        },
    ],
    "control": {
        "from": "Probe <probe@operator.example>",
        "smtp": {"host": "smtp.operator.example"},
        "login": {
            "kind": "password",
            "username": "probe@operator.example",
            "password_file": "secrets/control.password",
        },
    },
    "shops": [
        {
            "name": "demo",
            "title": "Example Shop",
            "languages": ["en", "fa"],
            "currency": "EUR",
            "routes": [
                {
                    "name": "primary",
                    "role": "primary",
                    "from": "Example Shop <orders@shop.example>",
                    "smtp": {"host": "smtp.shop.example"},
                    "login": {
                        "kind": "password",
                        "username": "orders@shop.example",
                        "password_file": "secrets/demo-primary.password",
                    },
                },
                {
                    "name": "backup",
                    "role": "fallback",
                    "from": "Example Shop <orders@shop.example>",
                    "mail_from": "bounces@shop.example",
                    "smtp": {"host": "smtp.relay.example", "tls": "implicit"},
                    "login": {
                        "kind": "password",
                        "username": "shop",
                        "password_file": "secrets/demo-backup.password",
                    },
                    "return_path": "signed",
                },
            ],
            "intake": {
                "mode": "relay",
                "networks": ["127.0.0.1"],
                "senders": ["shop.example"],
                "orders": {"number": ["(?i)order (?:no\\.? ?|#)(\\d{4,12})"]},
            },
            "bounces": {
                "address": "bounces@shop.example",
                "imap": {"host": "imap.shop.example"},
                "login": {"kind": "password", "password_file": "secrets/demo-bounces.password"},
            },
        },
    ],
    "alerts": {
        "contacts": [
            {
                "name": "owner",
                "language": "en",
                "time_zone": "Europe/Berlin",
                "channel": "email",
                "by": {
                    "to": "owner@mailbox.example",
                    "from": "Receiptwatch <alerts@operator.example>",
                    "host": "smtp.operator.example",
                    "username": "alerts@operator.example",
                    "password_file": "secrets/alerts.password",
                },
                "shops": ["demo"],
                "quiet_hours": "22:00-07:00",
            },
            {
                "name": "operator",
                "language": "en",
                "time_zone": "Europe/Berlin",
                "channel": "telegram",
                "by": {"chat": "-1001234567890", "token_file": "secrets/telegram.token"},
                "rank": 1,
                "operator": True,
                "wakes": True,
            },
        ],
        "policy": Settings.model_fields["alerts"].default.policy.model_dump(mode="json"),
    },
}


def example() -> str:
    """The text of receiptwatch.example.yaml; it loads once its secret files exist."""
    return written(EXAMPLE)


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of the settings file, for editors."""
    generated = Settings.model_json_schema(schema_generator=_Schema)
    return {"$schema": _Schema.schema_dialect, **generated}


def schema_text() -> str:
    """The text of receiptwatch.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


class _Schema(GenerateJsonSchema):
    """Defaults as the file writes them; no titles, which would only repeat the keys."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        if isinstance(dft, Section):
            return dft.model_dump(mode="json", by_alias=True)
        if isinstance(dft, HostPort):
            return str(dft)
        return text(dft) if hasattr(dft, "total_seconds") else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - pydantic's
        del schema
        return False
