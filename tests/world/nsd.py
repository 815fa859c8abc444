"""DNS: nsd serves one root zone that tests edit live.

`servfail.test` answers SERVFAIL, and `black_hole` is an address that never answers.
"""

from __future__ import annotations

import ipaddress
import signal
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.exception
import dns.resolver
import psutil

from tests.world.plan import DNS_PORT
from tests.world.processes import AS_OWNER, LOW_PORTS, Server, owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world.plan import Plan

RecordSets = dict[tuple[str, str], tuple[str, ...]]
SPF = "v=spf1 {mechanisms} -all"
DMARC = "v=DMARC1; p=quarantine; adkim=r; aspf=r"
VISIBLE_SECONDS = 5.0


def pointer(ip: str) -> str:
    """The name under in-addr.arpa for an address, without the final dot."""
    return ipaddress.ip_address(ip).reverse_pointer


def records(plan: Plan, dkim: dict[str, str]) -> RecordSets:
    """The whole zone while nothing is broken; `dkim` maps a route's name to its TXT record."""
    zone: RecordSets = {
        ("localhost", "A"): ("127.0.0.1",),
        ("ns.test", "A"): (plan.dns,),
        ("mx.test", "A"): (plan.providers()[0].ip,),
    }
    for provider in plan.providers():
        zone |= {
            (provider.domain, "MX"): (f"5 {provider.mx}.",),
            (provider.domain, "TXT"): (SPF.format(mechanisms=f"ip4:{provider.ip}"),),
            (provider.mx, "A"): (provider.ip,),
            (provider.imap, "A"): (provider.ip,),
            (pointer(provider.ip), "PTR"): (f"{provider.mx}.",),
        }
    for route in plan.routes():
        same_domain = [other for other in plan.routes() if other.domain == route.domain]
        spf = SPF.format(mechanisms=" ".join(f"ip4:{other.ip}" for other in same_domain))
        zone |= {
            (route.domain, "MX"): (f"10 {same_domain[0].hostname}.",),
            (route.domain, "TXT"): (spf,),
            (route.hostname, "A"): (route.ip,),
            (route.hostname, "TXT"): (SPF.format(mechanisms=f"ip4:{route.ip}"),),
            (pointer(route.ip), "PTR"): (f"{route.hostname}.",),
            (f"_dmarc.{route.domain}", "TXT"): (DMARC,),
            (f"{route.selector}._domainkey.{route.domain}", "TXT"): (dkim[route.name],),
        }
    return zone


def _quoted(text: str) -> str:
    """A TXT value in the strings of at most 255 octets that RFC 1035 section 3.3 asks for."""
    return " ".join(f'"{text[i : i + 250]}"' for i in range(0, len(text), 250)) or '""'


def _answers_queries(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("nsd: server")
    return False


@dataclass(slots=True)
class Dns:
    """The running name server."""

    plan: Plan
    zone: RecordSets
    serial: int = field(default_factory=lambda: int(time.time()))
    server: Server | None = None
    silent: list[socket.socket] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.plan.dns

    @property
    def port(self) -> int:
        return DNS_PORT

    @property
    def black_hole(self) -> str:
        """A name server's address where queries vanish, on the same port."""
        return self.plan.black_hole

    def start(self) -> None:
        """Start nsd and open the black hole; `await_ready` follows."""
        folder = self.plan.room("nsd", owner())
        self._write_zone()
        (folder / "nsd.conf").write_text(self._config())
        argv = ["nsd", "-d", "-c", f"{folder}/nsd.conf"]
        self.server = Server.start("nsd", argv, folder / "output", (*AS_OWNER, *LOW_PORTS))
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            hole = socket.socket(socket.AF_INET, kind)
            hole.bind((self.black_hole, self.port))
            self.silent.append(hole)

    def await_ready(self) -> None:
        assert self.server
        self.server.await_ready(lambda: self._serves(self.serial))

    def _config(self) -> str:
        folder = self.plan.folder / "nsd"
        return f"""
server:
  ip-address: {self.address}@{self.port}
  ip-address: {self.address}@53
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: ""
  zonelistfile: "{folder}/zone.list"
  database: ""
  server-count: 1
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
zone:
  name: "servfail.test"
  zonefile: "there-is-no-such.zone"
"""

    def _write_zone(self) -> None:
        soa = f". IN SOA ns.test. hostmaster.test. {self.serial} 60 60 600 1"
        lines = ["$TTL 1", soa, ". IN NS ns.test."]
        for (name, kind), values in self.zone.items():
            shown = map(_quoted, values) if kind == "TXT" else values
            lines += [f"{name}. IN {kind} {value}" for value in shown]
        (self.plan.folder / "nsd" / "root.zone").write_text("\n".join(lines) + "\n")

    def _serves(self, serial: int) -> bool:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = [self.address], self.port, 1.0
        try:
            return bool(resolver.resolve(".", "SOA")[0].serial == serial)
        except dns.exception.DNSException:
            return False

    def _publish(self) -> None:
        assert self.server
        self.serial += 1
        self._write_zone()
        old = [process for process in self.server.family() if _answers_queries(process)]
        self.server.process.send_signal(signal.SIGHUP)
        # for a moment the old server process answers beside the new one
        self.server.await_ready(
            lambda: self._serves(self.serial) and not any(map(_answers_queries, old)),
            VISIBLE_SECONDS,
        )

    @contextmanager
    def edit(self, name: str, kind: str, *values: str) -> Iterator[None]:
        """Serve `values` as the record set; without values there is none. Restored at the end.

        It returns once nsd answers with the change. TXT values are given unquoted.
        """
        before = dict(self.zone)
        self.zone.pop((name, kind), None)
        if values:
            self.zone[name, kind] = values
        self._publish()
        try:
            yield
        finally:
            self.zone.clear()
            self.zone.update(before)
            self._publish()

    def close_black_hole(self) -> None:
        for hole in self.silent:
            hole.close()
