"""Postfix: one relay for each of the shop's routes, and one MX with a face for each provider."""

from __future__ import annotations

import email
import grp
import os
import pwd
from dataclasses import dataclass
from email import policy as email_policy
from pathlib import Path
from typing import TYPE_CHECKING

from tests.world import opendkim, policy, rspamd
from tests.world.plan import FULL, GREYLISTED, INTAKE, LMTP, SEED_USERS, SMTP, SUBMISSION
from tests.world.processes import AS_WE, Server, listening, owner

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tests.world.plan import Plan, Provider, Route

MASTER = "/usr/lib/postfix/sbin/master"
RELAY_AUTH_PORT = 12345

# chroot=y makes smtp(8) read the queue's own etc/resolv.conf: Postfix knows no DNS setting
SERVICES = """
pickup    unix  n  -  n  60  1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  1  1  qmgr
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
verify    unix  -  -  n  -  1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -  -  proxymap
smtp      unix  -  -  y  -  -  smtp
showq     unix  n  -  n  -  -  showq
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
virtual   unix  -  n  n  -  -  virtual
lmtp      unix  -  -  n  -  -  lmtp
anvil     unix  -  -  n  -  1  anvil
scache    unix  -  -  n  -  1  scache
postlog   unix-dgram n - n - 1 postlogd
"""

PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming")
ROOMS = (  # the queue as `postfix check` would create it, which takes two seconds
    *((name, "postfix", "root", 0o700) for name in (*PRIVATE, "private", "saved", "trace")),
    ("maildrop", "postfix", "postdrop", 0o730),
    ("public", "postfix", "postdrop", 0o710),
    ("pid", "root", "root", 0o755),
    ("etc", "root", "root", 0o755),
)


@dataclass(slots=True)
class Postfix:
    """One instance: own configuration, own queue, own log."""

    plan: Plan
    name: str
    settings: dict[str, str]
    listeners: str
    watched: tuple[tuple[str, int], ...]
    server: Server | None = None

    @property
    def folder(self) -> Path:
        return self.plan.folder / f"postfix-{self.name}"

    def start(self) -> None:
        """Start the instance; `await_ready` follows."""
        self._make_queue()
        self._write_resolver()
        (self.folder / "main.cf").write_text(
            "".join(
                f"{name} = {value}\n" for name, value in (self._common() | self.settings).items()
            )
        )
        (self.folder / "master.cf").write_text(self.listeners + SERVICES)
        argv = [MASTER, "-c", str(self.folder), "-s"]
        self.server = Server.start(f"postfix-{self.name}", argv, self.folder / "output", AS_WE)

    def await_ready(self) -> None:
        assert self.server
        for host, port in self.watched:
            self.server.await_ready(listening(host, port))

    def _make_queue(self) -> None:
        postfix = pwd.getpwnam("postfix").pw_uid
        self.plan.room(f"{self.folder.name}/data", (postfix, -1))
        for name, user, group, mode in ROOMS:
            owner = (pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
            self.plan.room(f"{self.folder.name}/queue/{name}", owner).chmod(mode)

    def _write_resolver(self) -> None:
        etc = self.folder / "queue" / "etc"
        (etc / "resolv.conf").write_text(f"nameserver {self.plan.dns}\noptions timeout:2\n")
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        (etc / "services").write_text(Path("/etc/services").read_text())

    def _common(self) -> dict[str, str]:
        answers = f"inet:{self.plan.policy}:{policy.PORT}"
        # inet_interfaces must name a real interface's address; the listeners say where we stand
        return {
            "compatibility_level": "3.6",
            "queue_directory": f"{self.folder}/queue",
            "data_directory": f"{self.folder}/data",
            "maillog_file": f"{self.folder}/mail.log",
            "maillog_file_prefixes": str(self.folder),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "192.0.2.255/32",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "biff": "no",
            "smtpd_tls_security_level": "may",
            "smtp_tls_security_level": "may",
            "smtpd_relay_before_recipient_restrictions": "yes",
            "smtpd_recipient_restrictions": f"check_policy_service {answers}",
            "smtpd_policy_service_max_idle": "2s",
            "milter_default_action": "tempfail",
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
            "smtp_connect_timeout": "5s",
            "smtpd_client_connection_count_limit": "0",
            "notify_classes": "",
        }

    def log(self) -> str:
        """What the instance logged."""
        return (self.folder / "mail.log").read_text(errors="replace")

    def bounces(self) -> list[EmailMessage]:
        """What came back to the domain's envelope senders, oldest first."""
        letters = sorted(self.folder.glob("bounces/new/*"), key=os.path.getmtime)
        parse = email.message_from_bytes
        return [parse(letter.read_bytes(), policy=email_policy.default) for letter in letters]


def relay(plan: Plan, route: Route) -> Postfix:
    """The submission server of a route; it signs by DKIM.

    The first route of a domain is also the domain's MX and keeps what bounces, except to signed
    return paths: that goes on to the intake of whichever story has one.
    """
    first = next(other for other in plan.routes() if other.domain == route.domain)
    uid, gid = owner()
    folder = plan.room(f"postfix-{route.name}")
    plan.room(f"postfix-{route.name}/bounces", (uid, gid))
    signed = rf"/^[^+]+\+[0-9a-z]{{24}}@/ smtp:[{plan.intake}]:{INTAKE}"
    (folder / "return-paths").write_text(f"{signed}\n")
    settings = {
        "myhostname": route.hostname,
        "smtp_bind_address": route.ip,
        "smtpd_tls_cert_file": f"{plan.folder}/tls/{route.name}.crt",
        "smtpd_tls_key_file": f"{plan.folder}/tls/{route.name}.key",
        "smtpd_tls_auth_only": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"inet:{plan.relay_auth}:{RELAY_AUTH_PORT}",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
        "virtual_mailbox_domains": route.domain if route == first else "",
        "virtual_mailbox_base": str(folder),
        "virtual_mailbox_maps": "static:bounces/",
        "virtual_uid_maps": f"static:{uid}",
        "virtual_gid_maps": f"static:{gid}",
        "transport_maps": f"regexp:{folder}/return-paths",
    }
    listeners = f"""
{route.ip}:{SUBMISSION} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_milters=inet:{route.ip}:{opendkim.PORT}
{route.ip}:{SMTP} inet n - n - - smtpd
"""
    return Postfix(plan, route.name, settings, listeners, ((route.ip, SUBMISSION),))


def _face(plan: Plan, provider: Provider) -> str:
    return f"""
{provider.ip}:{SMTP} inet n - y - - smtpd
  -o myhostname={provider.mx}
  -o syslog_name=postfix/{provider.name}
  -o smtpd_tls_cert_file={plan.folder}/tls/{provider.name}.crt
  -o smtpd_tls_key_file={plan.folder}/tls/{provider.name}.key
"""


def mail_exchanger(plan: Plan) -> Postfix:
    """The MX of all providers: rspamd judges, Dovecot's LMTP takes what is let through."""
    providers = plan.providers()
    folder = plan.room("postfix-mx")
    users = (*SEED_USERS, FULL, GREYLISTED)
    known = [f"{provider.address(user)} ok\n" for provider in providers for user in users]
    (folder / "users").write_text("".join(known))
    paths = ", ".join(f"{{ {p.domain} = lmtp:inet:{p.ip}:{LMTP} }}" for p in providers)
    settings = {
        "myhostname": "mx.test",
        "smtp_bind_address": providers[0].ip,
        "virtual_mailbox_domains": ", ".join(provider.domain for provider in providers),
        "virtual_mailbox_maps": f"texthash:{folder}/users",
        "transport_maps": f"inline:{{ {paths} }}",
        "smtpd_relay_restrictions": "reject_unauth_destination",
        "smtpd_milters": f"inet:{plan.rspamd}:{rspamd.PORT}",
        "milter_protocol": "6",
        "milter_mail_macros": "i {mail_addr} {client_addr} {client_name} {auth_authen}",
    }
    listeners = "".join(_face(plan, provider) for provider in providers)
    return Postfix(plan, "mx", settings, listeners, tuple((p.ip, SMTP) for p in providers))
