"""Finding probes: IMAP commands per probe, delay from arrival to sighting, memory of 50 seeds.

Commands are compared with one SEARCH HEADER per open probe, the delay (on a real Dovecot) with
polling every five seconds, memory with an interpreter that has imported the same and opened none.
"""

from __future__ import annotations

import os
import random
import shutil
import smtplib
import ssl
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from daemon.demo.pki import Authority
from probes import token
from probes.endpoint import Endpoint, Password, Tls
from probes.imap_session import Session
from probes.mailbox import Account, Mailbox
from probes.mailboxes import gmail, plain_imap
from tests.probes.imap_script import GMAIL, ScriptedImap
from tests.probes.seeded_mail import ADDRESS, KEY, receipt
from tests.world import pki
from tests.world.dovecot import Dovecot
from tests.world.plan import LMTP, PASSWORD, SEED_USERS, Plan
from tests.world.processes import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPEN_PROBES = (1, 10, 100, 1000)
SEEDS = 50
SAMPLES = 25
POLLED_SAMPLES = 8
POLL_S = 5.0
NETWORK = 40
"""The bench's Dovecot lives at 127.40.x.y, beside the worlds that tests may have running."""


def main() -> dict[str, Any]:
    """Run all three; the figures by name."""
    return {**commands(), **delay(), **memory()}


def commands() -> dict[str, Any]:
    """IMAP commands for each probe that is found, over the number of open probes."""
    table = _table("IMAP commands per found probe", "open probes", "ours", "SEARCH HEADER each")
    figures = {}
    for count in OPEN_PROBES:
        ours, peer = _ours(count), _searching(count)
        figures[f"commands_per_probe_at_{count}"] = ours
        figures[f"commands_per_probe_at_{count}_peer"] = peer
        table.add_row(str(count), f"{ours:.3f}", f"{peer:.3f}")
    _show(table, "goal: under 0.2 at 100, no growth; ours also reads spam and asks for five tabs")
    return figures


def _ours(count: int) -> float:
    with ScriptedImap(GMAIL) as server:
        mailbox = Mailbox(_account(server), key=KEY)
        mailbox.open()
        mailbox.look()
        _fill(server, count)
        look = mailbox.look()
        mailbox.close()
    assert len(look.sightings) == count
    return look.commands / count


def _searching(count: int) -> float:
    """The peer: one search by header for each probe in the inbox, then one FETCH of it."""
    with ScriptedImap(GMAIL) as server:
        words = _fill(server, count)
        account = _account(server)
        session = Session(account.endpoint)
        session.log_in(account.login)
        before = session.commands
        session.noop()
        session.examine("INBOX")
        for word in words:
            [uid] = session._search([b"HEADER", b"X-Order-Ref", word.encode()])
            session.fetch([uid], "BODY.PEEK[]<0.2000000>")
        spent = session.commands - before
        session.close()
    return spent / count


def _fill(server: ScriptedImap, count: int) -> list[str]:
    """Deliver probes, and a stranger's mail for every tenth; the probes' tokens."""
    probes = [token.new_id() for _ in range(count)]
    for number, probe in enumerate(probes):
        server.deliver("INBOX", receipt(probe))
        if number % 10 == 0:
            server.deliver("INBOX", b"Subject: news\r\n\r\nnews\r\n")
    return [token.mint(KEY, probe, ADDRESS) for probe in probes]


def _account(server: ScriptedImap) -> Account:
    endpoint = Endpoint("127.0.0.1", server.port, Tls.NONE)
    return Account("seed", ADDRESS, gmail.MAILBOX, endpoint, Password(ADDRESS, server.password))


def delay() -> dict[str, Any]:
    """Seconds from the server's acceptance of a probe (LMTP 250) to its sighting."""
    if shutil.which("dovecot") is None:
        Console().print("Dovecot is not installed: no delay was measured.")
        return {"delay_median_s": None}
    with _dovecot() as (plan, deliver):
        idling = _delays(plan, deliver, SAMPLES, lambda mailbox: mailbox.wait(60))
        polled = _delays(plan, deliver, POLLED_SAMPLES, lambda _: time.sleep(POLL_S))
    table = _table("Arrival to sighting, Dovecot", "", "IDLE", f"polling each {POLL_S:.0f} s")
    table.add_row("median", *(f"{statistics.median(found):.3f} s" for found in (idling, polled)))
    table.add_row("slowest", *(f"{max(found):.3f} s" for found in (idling, polled)))
    samples = f"n = {len(idling)} and {len(polled)}"
    _show(table, f"goal: median under 1 s; {samples}; Dovecot itself holds a notice back for 0.5 s")
    return {
        "delay_median_s": round(statistics.median(idling), 4),
        "delay_slowest_s": round(max(idling), 4),
        "delay_samples": len(idling),
        "delay_median_s_peer": round(statistics.median(polled), 4),
    }


def _delays(
    plan: Plan, deliver: Callable[[bytes], None], samples: int, wait: Callable[[Mailbox], object]
) -> list[float]:
    """One mailbox that looks and waits for ever; probes arrive at moments of their own."""
    arrived: dict[str, float] = {}

    def send() -> None:
        for _ in range(samples):
            time.sleep(random.uniform(0.2, 0.2 + (POLL_S if samples == POLLED_SAMPLES else 0.3)))
            probe = token.new_id()
            deliver(receipt(probe, to=_seed(plan), signed_for=_seed(plan)))
            arrived[probe] = time.monotonic()

    mailbox = Mailbox(_dovecot_account(plan), key=KEY)
    mailbox.open()
    mailbox.look()
    sender = threading.Thread(target=send)
    sender.start()
    seen: dict[str, float] = {}
    while len(seen) < samples:
        wait(mailbox)
        found = mailbox.look().sightings
        seen |= dict.fromkeys((sighting.probe for sighting in found), time.monotonic())
    sender.join()
    mailbox.close()
    return [max(0.0, seen[probe] - at) for probe, at in arrived.items()]


def _seed(plan: Plan) -> str:
    return plan.providers()[1].address(SEED_USERS[0])


def _dovecot_account(plan: Plan) -> Account:
    seed = plan.seed(plan.providers()[1], SEED_USERS[0])
    endpoint = Endpoint(seed.host, seed.tls_port, Tls.IMPLICIT, ca_file=seed.ca_file)
    login = Password(seed.address, PASSWORD)
    return Account("seed", seed.address, plain_imap.MAILBOX, endpoint, login)


@contextmanager
def _dovecot() -> Iterator[tuple[Plan, Callable[[bytes], None]]]:
    plan = Plan(temporary_folder("bench-"), NETWORK)
    pki.issue_certificates(plan)
    provider = plan.providers()[1]
    dovecot = Dovecot(plan, provider)

    def deliver(raw: bytes) -> None:
        with smtplib.LMTP(provider.ip, LMTP) as courier:
            courier.sendmail("orders@shop.test", [_seed(plan)], raw)

    dovecot.start()
    try:
        dovecot.await_ready()
        yield plan, deliver
    finally:
        dovecot.stop()
        shutil.rmtree(plan.folder, ignore_errors=True)


def memory() -> dict[str, Any]:
    """Resident memory of a process that holds 50 mailboxes open over TLS."""
    bound, held = _resident(0), _resident(SEEDS)
    table = _table("Resident memory", "", f"{SEEDS} mailboxes", "imports alone")
    table.add_row("MB", f"{held / 1e6:.1f}", f"{bound / 1e6:.1f}")
    table.add_row("kB per mailbox", f"{(held - bound) / SEEDS / 1e3:.0f}", "")
    _show(table, "goal: under 200 MB")
    return {"rss_mb_at_50": round(held / 1e6, 1), "rss_mb_bound": round(bound / 1e6, 1)}


def _resident(count: int) -> int:
    """In a fresh process that trusts the system's authorities and the scripted server's."""
    folder = temporary_folder("bench-")
    authority = Authority(folder / "tls")
    bundle = folder / "all.pem"
    system = Path(ssl.get_default_verify_paths().openssl_cafile)
    known = system.read_bytes() if system.exists() else b""
    bundle.write_bytes(known + authority.ca_file.read_bytes())
    with ScriptedImap(GMAIL, authority.server_context("localhost")) as server:
        for _ in range(20):
            server.deliver("INBOX", receipt(token.new_id()), arrived=datetime.now(UTC))
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench._held_mailboxes", str(server.port), str(count)],
            env={**os.environ, "SSL_CERT_FILE": str(bundle)},
            capture_output=True,
            text=True,
            check=True,
        )
    shutil.rmtree(folder, ignore_errors=True)
    return int(done.stdout)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _show(table: Table, footnote: str) -> None:
    console = Console()
    console.print(table)
    console.print(footnote, style="dim")
