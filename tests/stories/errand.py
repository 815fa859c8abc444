"""One probe from composing to sighting, by our own code, in the real mail world."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import probes.mailboxes
from probes.account import Account
from probes.catalogue import scan
from probes.endpoint import Endpoint, Password, Tls
from probes.examination import Examiner, specimen_of
from probes.mailbox import Mailbox
from probes.mailbox_kind import MailboxKind
from probes.receipt import Template, compose
from probes.submission import Submission, submit
from probes.token import mint, new_id
from tests.world.plan import SMTP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from probes.endpoint import Login
    from probes.observation import Finding, Sighting
    from tests.world.plan import Route, Seed
    from tests.world.world import World

KEY = b"the key of every story"
ARRIVAL_SECONDS = 20.0
Findings = dict[str, "Finding"]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Errand:
    """A probe that was handed in."""

    probe: str
    seed: Seed
    submission: Submission


def submission_server(route: Route, ca_file: Path | None = None) -> Endpoint:
    return Endpoint(route.ip, route.port, Tls.STARTTLS, ca_file or route.ca_file, timeout_s=10)


async def hand_in(
    seed: Seed,
    route: Route,
    *,
    at: Endpoint | None = None,
    login: Login | None = None,
    template: Template | None = None,
    domain: str | None = None,
) -> Errand:
    """Compose a receipt and submit it by `route`; `domain` sends in another domain's name."""
    probe, domain = new_id(), domain or route.domain
    receipt = compose(
        token=mint(KEY, probe, seed.address),
        sender=f"Shop <orders@{domain}>",
        recipient=seed.address,
        now=now(),
        template=template,
    )
    submission = await submit(
        receipt.message,
        mail_from=f"{route.mail_from.partition('@')[0]}@{domain}",
        rcpt_to=seed.address,
        endpoint=at or submission_server(route),
        login=login or Password(route.username, route.password),
        helo=route.hostname,
        now=now,
    )
    return Errand(probe, seed, submission)


async def bring(seed: Seed, route: Route, template: Template | None = None) -> Submission:
    """Bring a receipt to the provider's MX ourselves, so that its own words are the reply."""
    receipt = compose(
        token=mint(KEY, new_id(), seed.address),
        sender=f"Shop <{route.sender}>",
        recipient=seed.address,
        now=now(),
        template=template,
    )
    return await submit(
        receipt.message,
        mail_from=route.mail_from,
        rcpt_to=seed.address,
        endpoint=Endpoint(seed.host, SMTP, Tls.STARTTLS, seed.ca_file, timeout_s=10),
        login=None,
        helo=route.hostname,
        now=now,
    )


def account(
    seed: Seed,
    *,
    login: Login | None = None,
    tls: Tls = Tls.IMPLICIT,
    ca_file: Path | None = None,
    timeout_s: float = 10.0,
) -> Account:
    kinds = scan(probes.mailboxes, "MAILBOX", MailboxKind)
    port = seed.tls_port if tls is Tls.IMPLICIT else seed.starttls_port
    return Account(
        seed=f"{seed.provider}-{seed.user}",
        address=seed.address,
        kind=kinds[seed.provider],
        endpoint=Endpoint(seed.host, port, tls, ca_file or seed.ca_file, timeout_s),
        login=login or Password(seed.address, seed.password),
        trusted_hosts=(seed.domain,),
    )


@contextmanager
def reading(whose: Account) -> Iterator[Mailbox]:
    """The account's mailbox, open."""
    mailbox = Mailbox(whose, key=KEY)
    mailbox.open()
    try:
        yield mailbox
    finally:
        mailbox.close()


def sight(mailbox: Mailbox, probe: str) -> Sighting:
    """Look until the probe is found; fails when it is not."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        for sighting in mailbox.look().sightings:
            if sighting.probe == probe:
                return sighting
        mailbox.wait(0.2)
    raise AssertionError(f"probe {probe} was not found in {ARRIVAL_SECONDS} s")


def find(errand: Errand) -> Sighting:
    """Where the probe is, read by a fresh connection."""
    with reading(account(errand.seed)) as mailbox:
        return sight(mailbox, errand.probe)


async def examine(
    world: World,
    sighting: Sighting,
    seed: Seed,
    *,
    nameserver: str | None = None,
    timeout_s: float = 5.0,
) -> Findings:
    """Every check's (first) finding on what arrived, by name."""
    examiner = Examiner([nameserver or world.dns.address], world.dns.port, timeout_s)
    try:
        specimen = specimen_of(sighting.raw, (seed.domain,), now())
        findings = await examiner.examine(specimen)
    finally:
        await examiner.close()
    return {finding.check: finding for finding in reversed(findings)}


def statuses(findings: Findings) -> tuple[str, str, str]:
    """What was found of SPF, DKIM and DMARC."""
    return (findings["spf"].status, findings["dkim"].status, findings["dmarc"].status)
