"""The embedded mail world: DNS, a shop's relays, three providers, in one event loop, no root."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from daemon.clock import Clock
from daemon.demo import scenery
from daemon.demo.nameserver import Nameserver, Zone
from daemon.demo.pki import Authority
from daemon.demo.provider import KINDS, Provider
from daemon.demo.relay import Relay
from daemon.demo.settings_file import QUICK, STEADY, SettingsFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Self

    from daemon.demo.provider import Kind


class DemoWorld:
    """A running world; everything listens on 127.0.0.1 at ports of its own.

    `relays` are by route name (primary, fallback, control), `providers` by name (gmail, outlook,
    yahoo); `settings_file` lets a daemon watch it; `zone` is its DNS, to edit and to break.
    """

    def __init__(self, directory: Path, seeds_per_provider: int, clock: Clock | None) -> None:
        """Make keys and certificates; `start` makes the world run."""
        self._now = (clock or Clock()).now
        self.authority = Authority(directory / "pki")
        self.zone = Zone()
        self.relays: dict[str, Relay] = {}
        self.providers: dict[str, Provider] = {}
        self._seeds_per_provider = seeds_per_provider
        self._settings = SettingsFile(directory, self.authority.ca_file, STEADY if clock else QUICK)
        self._running = AsyncExitStack()
        self._nameserver = Nameserver(self.zone)

    @classmethod
    async def start(
        cls, directory: Path, *, seeds_per_provider: int = 1, clock: Clock | None = None
    ) -> Self:
        """A world whose files are in `directory`, which must exist and be empty.

        Its servers stamp what passes through them by `clock`; with one of its own, the settings
        are a shop's usual ones, else such that something is seen within seconds.
        """
        world = cls(directory, seeds_per_provider, clock)
        try:
            await world._run()
        except BaseException:
            await world.stop()
            raise
        return world

    async def stop(self) -> None:
        """Close every socket and end every task; the files stay."""
        await self._running.aclose()

    @property
    def settings_file(self) -> Path:
        """A complete receiptwatch.yaml."""
        return self._settings.path

    @property
    def intake_port(self) -> int:
        """Where the settings have the service take the shop's mail in, on 127.0.0.1."""
        return self._settings.intake_port

    @property
    def dns_port(self) -> int:
        """The nameserver's UDP port on 127.0.0.1."""
        return self._nameserver.port

    def break_dkim(self, route: str) -> None:
        """Publish another route's key under this route's selector, as a slip of the hand would."""
        other = next(relay for name, relay in self.relays.items() if name != route)
        self.zone.publish(self.relays[route].sender.key_name, "TXT", other.key.record)

    def recover(self) -> None:
        """Undo every break and knob."""
        self.zone.heal()
        scenery.publish(self.zone, self.relays.values(), KINDS)
        for provider in self.providers.values():
            provider.relent()

    async def _run(self) -> None:
        self._nameserver = await Nameserver.start(self.zone)
        self._running.push_async_callback(self._nameserver.close)
        senders = scenery.senders()
        hosts = {sender.route: sender.client.helo for sender in senders}
        for kind in KINDS:
            await self._run_provider(kind, hosts)
        exchangers = {provider.kind.domain: provider.mx_port for provider in self._all()}
        for sender in senders:
            relay = Relay(sender, exchangers, self.authority, self._now)
            self.relays[sender.route] = relay
            self._running.push_async_callback(relay.close)
            await relay.start()
        scenery.publish(self.zone, self.relays.values(), KINDS)
        self._settings.write(self.dns_port, self.relays, self._all())

    async def _run_provider(self, kind: Kind, hosts: dict[str, str]) -> None:
        addresses = [f"seed{n}@{kind.domain}" for n in range(1, self._seeds_per_provider + 1)]
        customers = [f"{name}@{kind.domain}" for name in scenery.CUSTOMERS]
        provider = Provider(
            kind,
            _with_passwords(addresses),
            hosts,
            self._nameserver.resolver(),
            self._now,
            _with_passwords(customers),
        )
        self.providers[kind.name] = provider
        self._running.push_async_callback(provider.close)
        await provider.start(self.authority)

    def _all(self) -> Iterable[Provider]:
        return self.providers.values()


def _with_passwords(addresses: Iterable[str]) -> dict[str, str]:
    return {address: secrets.token_urlsafe(12) for address in addresses}
