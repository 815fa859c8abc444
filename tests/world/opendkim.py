"""DKIM signing at the relays: one opendkim milter for each route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.world.processes import Server, listening

if TYPE_CHECKING:
    from tests.world.plan import Plan, Route

PORT = 8891


@dataclass(slots=True)
class OpenDkim:
    """The signer of one route."""

    plan: Plan
    route: Route
    server: Server | None = None

    def start(self) -> None:
        folder = self.plan.room(f"opendkim-{self.route.name}")
        (folder / "opendkim.conf").write_text(self._config())
        argv = ["opendkim", "-f", "-x", f"{folder}/opendkim.conf"]
        self.server = Server.start(f"opendkim-{self.route.name}", argv, folder / "output")

    def await_ready(self) -> None:
        assert self.server
        self.server.await_ready(listening(self.route.ip, PORT))

    def _config(self) -> str:
        return f"""
Mode s
Syslog no
Background no
Socket inet:{PORT}@{self.route.ip}
Domain {self.route.domain}
Selector {self.route.selector}
KeyFile {self.plan.folder}/dkim/{self.route.name}.key
Canonicalization relaxed/relaxed
InternalHosts 0.0.0.0/0
OversignHeaders From
RequireSafeKeys no
"""
