"""A shop that relays through us: its settings file, by which every process of a part lives."""

from __future__ import annotations

import random
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
SHOP, ROUTE = "shop", "primary"
SENDER, RECIPIENT = "orders@shop.example", "ada@customer.example"


@dataclass(frozen=True, slots=True)
class House:
    """Where everything is. The ports are free ones, and the same for each process that starts."""

    settings: Path
    database: str
    intake: int
    metrics: int

    @property
    def file(self) -> Path:
        """The database, where it is a file."""
        return self.settings.with_name("ledger.db")

    @property
    def log(self) -> Path:
        """What its processes say."""
        return self.settings.with_suffix(".log")


def build(folder: Path, next_server: int, database: str | None = None) -> House:
    """Write the settings into `folder`; the shop's route leads to the port `next_server`.

    The one seed's mailbox is a port where nobody listens: no probe is sent in these parts.
    """
    intake, metrics, console, nobody = free_ports(4)
    path = folder / "receiptwatch.yaml"
    url = database or f"sqlite:///{folder}/ledger.db"
    settings = {
        "database": url,
        "secret_key_file": _secret(folder, "secret.key", secrets.token_hex(32)),
        "listen": {"console": f"{HOST}:{console}", "metrics": f"{HOST}:{metrics}"},
        "dns": {"nameservers": [HOST], "port": nobody, "timeout": "1s"},
        "intake": {
            "listen": [{"address": f"{HOST}:{intake}", "tls": "none"}],
            "hostname": "intake.example",
        },
        "seeds": [_seed(folder, nobody)],
        "shops": [_shop(next_server)],
    }
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return House(path, url, intake, metrics)


def _seed(folder: Path, port: int) -> dict[str, object]:
    password = _secret(folder, "seed.password", "public")
    return {
        "name": "seed",
        "provider": "plain",
        "address": "seed@provider.example",
        "login": {"kind": "password", "username": "seed", "password_file": password},
        "imap": {"host": HOST, "port": port, "tls": "none"},
        "trusted_hosts": ["provider.example"],
    }


def _shop(next_server: int) -> dict[str, object]:
    route = {
        "name": ROUTE,
        "role": "primary",
        "from": f"Shop <{SENDER}>",
        "smtp": {"host": HOST, "port": next_server, "tls": "none"},
    }
    return {
        "name": SHOP,
        "title": "The Shop",
        "languages": ["en"],
        "currency": "EUR",
        "routes": [route],
        "intake": {"mode": "relay", "networks": ["127.0.0.0/8"], "messages_per_minute": 100_000},
    }


def _secret(folder: Path, name: str, content: str) -> str:
    path = folder / name
    path.write_text(content)
    path.chmod(0o600)
    return str(path)


def free_ports(count: int) -> list[int]:
    """TCP ports of loopback that nobody uses now, and that the system gives nobody by itself."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError), socket.create_server((HOST, port)):
            found.append(port)
    return found
