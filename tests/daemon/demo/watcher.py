"""The smallest watcher: one round of probes by the real probes code, for the story's tests."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.demo.story import Outcome
from daemon.settings import PasswordLogin, load
from probes import checks, mailboxes
from probes.account import Account
from probes.catalogue import scan
from probes.check import Check
from probes.endpoint import Login, Password
from probes.mailbox import Mailbox
from probes.mailbox_kind import MailboxKind
from probes.observation import Placement, Specimen
from probes.receipt import compose
from probes.resolver import Resolver
from probes.submission import Outcome as Answer
from probes.submission import submit
from probes.token import mint, new_id

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.settings import Seed, Settings
    from daemon.settings.shops import Sending
    from probes.observation import Finding, Sighting

PATIENCE_S = 10.0


@dataclass
class Watcher:
    """Reads everything it knows from the settings file."""

    settings: Settings
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    launched: dict[str, tuple[str, Seed]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings_file: Path) -> Watcher:
        return cls(load(settings_file))

    async def launch(self) -> None:
        """One probe by every route to every seed."""
        self.launched = {}
        shop = self.settings.shops[0]
        routes: list[tuple[str, Sending]] = [(route.name, route) for route in shop.routes]
        assert self.settings.control is not None
        routes.append(("control", self.settings.control))
        pairs = [(name, route, seed) for name, route in routes for seed in self.settings.seeds]
        await asyncio.gather(*(self._send(*pair) for pair in pairs))

    async def observe(self) -> list[Outcome]:
        """What became of each, once all are seen; a probe not seen in time is missing."""
        seen = await asyncio.gather(*(self._read(seed) for seed in self.settings.seeds))
        outcomes = []
        for probe, sighting in [pair for some in seen for pair in some.items()]:
            route, seed = self.launched[probe]
            findings = await self._examine(sighting, seed) if sighting else ()
            placement = sighting.placement if sighting else Placement.MISSING
            outcomes.append(Outcome(route, seed.provider, placement, findings))
        return outcomes

    async def _send(self, name: str, route: Sending, seed: Seed) -> None:
        probe = new_id()
        self.launched[probe] = (name, seed)
        receipt = compose(
            token=mint(self.key, probe, seed.address),
            sender=route.sender,
            recipient=seed.address,
            now=datetime.now(UTC),
            language=secrets.choice(["en", "fa", "ar", "he"]),
        )
        answer = await submit(
            receipt.message,
            mail_from=route.envelope_sender,
            rcpt_to=seed.address,
            endpoint=route.smtp.endpoint(),
            login=password(route.login, ""),
            now=lambda: datetime.now(UTC),
        )
        assert answer.outcome is Answer.ACCEPTED, answer

    async def _read(self, seed: Seed) -> dict[str, Sighting | None]:
        mine = {probe for probe, (_, to) in self.launched.items() if to == seed}
        sightings = await asyncio.to_thread(self._look, seed, mine)
        return {probe: sightings.get(probe) for probe in mine}

    def _look(self, seed: Seed, wanted: set[str]) -> dict[str, Sighting]:
        assert seed.imap is not None
        kind = scan(mailboxes, "MAILBOX", MailboxKind)[seed.provider]
        login = password(seed.login, seed.address)
        account = Account(
            seed.name, seed.address, kind, seed.imap.endpoint(), login, seed.trusted_hosts
        )
        box = Mailbox(account, key=self.key)
        box.open()
        try:
            found: dict[str, Sighting] = {}
            end = time.monotonic() + PATIENCE_S
            while not wanted <= found.keys() and time.monotonic() < end:
                found |= {s.probe: s for s in box.look().sightings}
                if not wanted <= found.keys():
                    box.wait(0.1)
            return found
        finally:
            box.close()

    async def _examine(self, sighting: Sighting, seed: Seed) -> tuple[Finding, ...]:
        at = sighting.received_at or sighting.seen_at
        specimen = Specimen(sighting.raw, at, seed.trusted_hosts, sighting.truncated)
        dns = self.settings.dns
        resolver = Resolver(dns.nameservers, dns.port, dns.timeout.total_seconds()).inquiry()

        async def all_checks() -> tuple[Finding, ...]:
            found = [
                await check.examine(specimen, resolver)
                for check in scan(checks, "CHECK", Check).values()
            ]
            return tuple(finding for some in found for finding in some)

        # in a loop of its own: the nameserver that the checks ask runs in this one
        return await asyncio.to_thread(lambda: asyncio.run(all_checks()))


def password(login: object, username: str) -> Login:
    assert isinstance(login, PasswordLogin)
    return Password(login.username or username, login.read_password().get_secret_value())
