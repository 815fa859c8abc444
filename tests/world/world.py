"""The real mail world: three providers, a shop with two routes, a control sender, one DNS."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tests.world import nsd, pki, postfix, settings
from tests.world.dovecot import Dovecot, RelayLogins
from tests.world.introspection import Introspection
from tests.world.opendkim import OpenDkim
from tests.world.plan import FULL, GREYLISTED, SEED_USERS, Plan, Route, Seed
from tests.world.policy import Policy
from tests.world.processes import IS_ROOT, Server, kill_all, temporary_folder
from tests.world.rspamd import Rspamd

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    import psutil

PROGRAMS = ("nsd", "rspamd", "opendkim", "dovecot", "sievec", "setpriv", postfix.MASTER)
NETWORKS = range(8)


class _Daemon(Protocol):
    server: Server | None

    def start(self) -> None: ...
    def await_ready(self) -> None: ...


def unfit() -> str | None:
    """Why the world cannot be started here; None when it can."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [program for program in PROGRAMS if shutil.which(program, path=search) is None]
    if missing:
        return f"{', '.join(missing)} not installed; `make world-packages` installs what is needed"
    return None if IS_ROOT else "Postfix starts only as root; `sudo make test` runs these"


def _is_free(network: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a recent end is no hindrance
        try:
            probe.bind((f"127.{network}.53.1", 53))
        except OSError:
            return False
    return True


@dataclass(slots=True)
class World:
    """Everything that runs. Stories edit it by `dns`, `rspamd`, `policy` and `dovecot`."""

    plan: Plan
    dns: nsd.Dns
    rspamd: Rspamd
    policy: Policy
    introspection: Introspection
    tokens: pki.TokenMint
    dovecot: dict[str, Dovecot]
    relays: dict[str, postfix.Postfix]
    mx: postfix.Postfix
    others: list[_Daemon] = field(default_factory=list)

    @property
    def routes(self) -> dict[str, Route]:
        return {route.name: route for route in self.plan.routes()}

    @property
    def seeds(self) -> list[Seed]:
        """The ordinary seeds, three at each provider."""
        return [self.plan.seed(p, user) for p in self.plan.providers() for user in SEED_USERS]

    def seed(self, provider: str, user: str = SEED_USERS[0]) -> Seed:
        """One seed; `user` may also be "full" or "greylisted"."""
        assert user in {*SEED_USERS, FULL, GREYLISTED}
        [found] = [p for p in self.plan.providers() if p.name == provider]
        return self.plan.seed(found, user)

    @property
    def stranger_ca(self) -> Path:
        """A CA certificate that signed none of the world's."""
        return self.plan.folder / "tls" / "stranger.pem"

    def bounces(self, route: str) -> list[EmailMessage]:
        """What came back to a route's envelope sender, oldest first."""
        addressee = self.routes[route].mail_from
        found = [letter for relay in self.relays.values() for letter in relay.bounces()]
        return [letter for letter in found if addressee in str(letter["To"])]

    def settings(self, folder: Path, **overrides: Any) -> Path:
        """Write a settings file for a daemon in this world; `overrides` replace top-level keys."""
        return settings.write(self, folder, **overrides)

    def daemons(self) -> list[_Daemon]:
        postfixes = [*self.relays.values(), self.mx]
        return [self.dns, self.rspamd, *self.others, *self.dovecot.values(), *postfixes]

    def servers(self) -> list[Server]:
        """Every program that runs for the world."""
        return [daemon.server for daemon in self.daemons() if daemon.server]

    def stop(self) -> list[psutil.Process]:
        """End everything and remove the folder; returns the processes that outlived it."""
        survivors = kill_all(self.servers())
        self.dns.close_black_hole()
        self.policy.stop()
        self.introspection.stop()
        shutil.rmtree(self.plan.folder)
        return survivors


def build(plan: Plan) -> World:
    """Make the keys and describe every server; nothing runs yet."""
    pki.issue_certificates(plan)
    dkim = pki.make_dkim_keys(plan)
    tokens = pki.TokenMint.open(plan)
    signers = [OpenDkim(plan, route) for route in plan.routes()]
    return World(
        plan,
        nsd.Dns(plan, nsd.records(plan, dkim)),
        Rspamd(plan),
        Policy(plan),
        Introspection(plan, tokens),
        tokens,
        {provider.name: Dovecot(plan, provider) for provider in plan.providers()},
        {route.name: postfix.relay(plan, route) for route in plan.routes()},
        postfix.mail_exchanger(plan),
        [RelayLogins(plan), *signers],
    )


def start() -> World:
    """Start a world on the first free network; raises NotReadyError with a server's own words."""
    network = next(filter(_is_free, NETWORKS))
    world = build(Plan(temporary_folder("rw-world-"), network))
    try:
        world.policy.start()
        world.introspection.start()
        for daemon in world.daemons():
            daemon.start()
        for daemon in world.daemons():
            daemon.await_ready()
    except BaseException:
        world.stop()
        raise
    return world
