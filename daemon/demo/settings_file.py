"""Writes the settings file, with its secret files, by which a daemon watches the embedded world."""

from __future__ import annotations

import random
import secrets
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import yaml

from daemon.demo.scenery import SHOP_TITLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from daemon.demo.provider import Provider
    from daemon.demo.relay import Relay

QUICK = {
    "primary": "20s",
    "fallback": "40s",
    "control": "40s",
    "jitter": 0.1,
    "deadline": "10s",
    "per_seed_per_day": 2000,
}
"""A cadence for real time: something to see within seconds."""

STEADY = {
    "primary": "10m",
    "fallback": "30m",
    "control": "30m",
    "jitter": 0.1,
    "deadline": "6m",
    "per_seed_per_day": 2000,
}
"""A cadence as a shop would have it, for a clock on which minutes pass as seconds."""


class SettingsFile:
    """`receiptwatch.yaml` in `directory`; every secret in a file of its own, mode 0600."""

    def __init__(self, directory: Path, ca_file: Path, cadence: Mapping[str, Any]) -> None:
        self._cadence = dict(cadence)
        self.path = directory / "receiptwatch.yaml"
        self._directory = directory
        self._ca_file = str(ca_file)
        self._secrets = directory / "secrets"
        self._secrets.mkdir(mode=0o700)
        self.intake_port = 0
        """Known once the file is written."""

    def write(
        self, dns_port: int, relays: Mapping[str, Relay], providers: Iterable[Provider]
    ) -> None:
        """Write the file and the secrets that it names."""
        console, metrics, self.intake_port = _free_ports(3)
        settings = {
            "database": f"sqlite:///{self._directory / 'ledger.db'}",
            "secret_key_file": self._secret("key", secrets.token_hex(32)),
            "listen": {"console": f"127.0.0.1:{console}", "metrics": f"127.0.0.1:{metrics}"},
            "intake": {"listen": [{"address": f"127.0.0.1:{self.intake_port}", "tls": "none"}]},
            "dns": {"nameservers": ["127.0.0.1"], "port": dns_port, "timeout": "2s"},
            "cadence": self._cadence,
            "seeds": [seed for provider in providers for seed in self._seeds(provider)],
            "control": {"name": "control", **self._sending(relays["control"])},
            "shops": [self._shop(relays)],
        }
        self.path.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))

    def _shop(self, relays: Mapping[str, Relay]) -> dict[str, Any]:
        return {
            "name": "demo",
            "title": SHOP_TITLE,
            "languages": ["en", "fa", "ar", "he"],
            "currency": "EUR",
            "intake": {"mode": "relay", "networks": ["127.0.0.1/32"]},
            "routes": [
                {"name": role, "role": role, **self._sending(relays[role])}
                for role in ("primary", "fallback")
            ],
        }

    def _sending(self, relay: Relay) -> dict[str, Any]:
        sender = relay.sender
        return {
            "from": sender.header_from,
            "mail_from": sender.mail_from,
            "smtp": self._server(relay.port, "starttls"),
            "login": self._login(sender.route, sender.username, sender.password),
        }

    def _seeds(self, provider: Provider) -> Iterable[dict[str, Any]]:
        for number, (address, password) in enumerate(provider.passwords.items(), start=1):
            name = f"{provider.kind.name}-{number}"
            yield {
                "name": name,
                "provider": provider.kind.name,
                "address": address,
                "login": self._login(name, address, password),
                "imap": self._server(provider.imap_port, "implicit"),
                "trusted_hosts": [provider.kind.host],
            }

    def _server(self, port: int, tls: str) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": port, "tls": tls, "ca_file": self._ca_file}

    def _login(self, name: str, username: str, password: str) -> dict[str, str]:
        password_file = self._secret(f"{name}.password", password)
        return {"kind": "password", "username": username, "password_file": password_file}

    def _secret(self, name: str, text: str) -> str:
        path = self._secrets / name
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; held together, so that they differ."""
    with ExitStack() as held:
        return [_free_port(held) for _ in range(count)]


def _free_port(held: ExitStack) -> int:
    """A port below those that the system gives to clients: it is still free a second later."""
    while True:
        listener = held.enter_context(socket.socket())
        with suppress(OSError):
            listener.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(listener.getsockname()[1])
