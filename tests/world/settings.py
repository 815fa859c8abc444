"""Settings for a daemon that lives in the world: the file and its secret files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.plan import Route, Seed
    from tests.world.world import World


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the files go."""

    folder: Path

    def secret(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o600)
        return str(path)

    def login(self, username: str, password: str) -> dict[str, Any]:
        file = self.secret(f"{username}.password", f"{password}\n")
        return {"kind": "password", "username": username, "password_file": file}

    def seed(self, seed: Seed) -> dict[str, Any]:
        server = {"host": seed.host, "port": seed.tls_port, "tls": "implicit"}
        return {
            "name": f"{seed.provider}-{seed.user}",
            "provider": seed.provider,
            "address": seed.address,
            "login": self.login(seed.address, seed.password),
            "imap": server | {"ca_file": str(seed.ca_file)},
            "trusted_hosts": [seed.domain],
        }

    def sending(self, route: Route) -> dict[str, Any]:
        server = {"host": route.ip, "port": route.port, "tls": "starttls"}
        return {
            "name": route.name,
            "from": f"Shop <{route.sender}>",
            "mail_from": route.mail_from,
            "smtp": server | {"ca_file": str(route.ca_file)},
            "login": self.login(route.username, route.password),
        }

    def route(self, route: Route) -> dict[str, Any]:
        return self.sending(route) | {"role": route.name}


def write(world: World, folder: Path, **overrides: Any) -> Path:
    """Write `folder/receiptwatch.yaml` for all seeds and routes of `world`; returns its path.

    `overrides` replace top-level keys. The daemon's own pages take any free port.
    """
    desk = _Desk(folder)
    routes = world.routes
    shop = {"name": "shop", "title": "The Shop", "languages": ["en"], "currency": "EUR"}
    content = {
        "database": f"sqlite:///{folder}/ledger.db",
        "secret_key_file": desk.secret("secret.key", secrets.token_hex(32)),
        "listen": {"console": "127.0.0.1:0", "metrics": "127.0.0.1:0"},
        "dns": {"nameservers": [world.dns.address], "port": world.dns.port, "timeout": "5s"},
        "seeds": [desk.seed(seed) for seed in world.seeds],
        "control": desk.sending(routes["control"]),
        "shops": [shop | {"routes": [desk.route(routes[n]) for n in ("primary", "fallback")]}],
    }
    path = folder / "receiptwatch.yaml"
    path.write_text(yaml.safe_dump(content | overrides, sort_keys=False))
    return path
