"""Dovecot: a provider's mailboxes (IMAP, LMTP, Sieve, OAuth2), and the logins of the relays."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from tests.world import introspection
from tests.world.dovecot_configuration import (
    COMMON,
    INTROSPECTION,
    LOCAL_VALIDATION,
    MAILBOXES,
    RELAY_LOGINS,
    SIEVE,
)
from tests.world.pki import ISSUER
from tests.world.plan import (
    FULL,
    GREYLISTED,
    IMAP_STARTTLS,
    IMAP_TLS,
    LMTP,
    PASSWORD,
    SEED_USERS,
)
from tests.world.postfix import RELAY_AUTH_PORT
from tests.world.processes import NOBODY, Server, listening, owner, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world.plan import Plan, Provider


def _owned(path: Path, content: str) -> None:
    path.write_text(content)
    os.chown(path, *owner())


def _identity(folder: Path, name: str) -> dict[str, object]:
    uid, gid = owner()
    me = psutil.Process()
    user = "nobody" if uid == NOBODY else me.username()
    return {
        "folder": folder,
        "name": name,
        "uid": uid,
        "gid": gid,
        "user": user,
        "group": "nogroup" if uid == NOBODY else user,
    }


def _serve(plan: Plan, name: str, users: list[str], config: str) -> Server:
    folder = plan.room(f"dovecot-{name}", owner())
    for room in ("run", "state", "mail", "home"):
        plan.room(f"{folder.name}/{room}", owner())
    _owned(folder / "users", "".join(f"{user}\n" for user in users))
    _owned(folder / "dovecot.conf", config)
    argv = ["dovecot", "-F", "-c", f"{folder}/dovecot.conf"]
    return Server.start(f"dovecot-{name}", argv, folder / "output")


@dataclass(slots=True)
class RelayLogins:
    """The small Dovecot that knows the passwords of the relays' users."""

    plan: Plan
    server: Server | None = None

    def start(self) -> None:
        folder = self.plan.folder / "dovecot-relay-logins"
        facts = _identity(folder, "relay-logins") | {
            "ip": self.plan.relay_auth,
            "port": RELAY_AUTH_PORT,
        }
        users = [f"{route.username}:{{PLAIN}}{route.password}" for route in self.plan.routes()]
        config = (COMMON + RELAY_LOGINS).format(**facts)
        self.server = _serve(self.plan, "relay-logins", users, config)

    def await_ready(self) -> None:
        assert self.server
        self.server.await_ready(listening(self.plan.relay_auth, RELAY_AUTH_PORT))


@dataclass(slots=True)
class Dovecot:
    """The mailboxes of one provider."""

    plan: Plan
    provider: Provider
    server: Server | None = None
    uidvalidity: int = field(default=4_000_000)

    @property
    def folder(self) -> Path:
        return self.plan.folder / f"dovecot-{self.provider.name}"

    def start(self) -> None:
        """Start (again), with the mail that is there; `await_ready` follows."""
        folder = self.plan.room(self.folder.name, owner())
        _owned(folder / "spam.sieve", SIEVE.format(junk=self.provider.junk))
        _owned(folder / "oauth2.conf.ext", self._token_check())
        config = (COMMON + MAILBOXES).format(**self._facts())
        self.server = _serve(self.plan, self.provider.name, self._users(), config)

    def _facts(self) -> dict[str, object]:
        return _identity(self.folder, self.provider.name) | {
            "ip": self.provider.ip,
            "domain": self.provider.domain,
            "hostname": self.provider.imap,
            "tls": f"{self.plan.folder}/tls/{self.provider.name}",
            "starttls": IMAP_STARTTLS,
            "implicit": IMAP_TLS,
            "lmtp": LMTP,
            "folders": self._special_folders(),
        }

    def _special_folders(self) -> str:
        prefix = "[Gmail]/" if self.provider.name == "gmail" else ""
        uses = {self.provider.junk: "Junk", f"{prefix}Sent": "Sent", f"{prefix}Trash": "Trash"}
        if prefix:
            uses["[Gmail]/All Mail"] = "All"
        return "\n".join(
            f'mailbox "{name}" {{\n auto = create\n special_use = \\{use}\n}}'
            for name, use in uses.items()
        )

    def _users(self) -> list[str]:
        ordinary = [*SEED_USERS, GREYLISTED]
        known = [f"{self.provider.address(user)}:{{PLAIN}}{PASSWORD}::::::" for user in ordinary]
        full = (
            f"{self.provider.address(FULL)}:{{PLAIN}}{PASSWORD}::::::userdb_quota_rule=*:bytes=512"
        )
        return [*known, full]

    def _token_check(self) -> str:
        if self.provider.name == "outlook":
            return INTROSPECTION.format(ip=self.plan.introspection, port=introspection.PORT)
        return LOCAL_VALIDATION.format(keys=self.plan.folder / "oauth", issuer=ISSUER)

    def await_ready(self) -> None:
        assert self.server
        for port in (IMAP_TLS, IMAP_STARTTLS, LMTP):
            self.server.await_ready(listening(self.provider.ip, port))

    def doveadm(self, *argv: str) -> str:
        """Run Dovecot's administration tool on these mailboxes; returns what it prints."""
        command = unprivileged("doveadm", "-c", f"{self.folder}/dovecot.conf", *argv)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"doveadm {' '.join(argv)}: {done.stderr}")
        return done.stdout

    def sessions(self, user: str) -> list[psutil.Process]:
        """The imap processes that serve a user's connections."""
        assert self.server
        address = self.provider.address(user)
        return [process for process in self.server.family() if _serves(process, address)]

    def kick(self, user: str) -> None:
        """Cut all connections of a user, without a BYE."""
        for process in self.sessions(user):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    @contextmanager
    def freeze(self, user: str) -> Iterator[None]:
        """Leave a user's connections open, but answer nothing on them until the end."""
        frozen = self.sessions(user)
        assert frozen, f"{user} has no connection to freeze"
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in frozen:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    def change_uidvalidity(self, user: str, folder: str = "INBOX") -> int:
        """Number a folder's mail anew, as a restored backup does; returns the new UIDVALIDITY."""
        self.uidvalidity += 1
        who = ("-u", self.provider.address(user))
        self.doveadm("mailbox", "update", *who, "--uid-validity", str(self.uidvalidity), folder)
        return self.uidvalidity

    def log(self) -> str:
        """What Dovecot logged."""
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        """End the server; its mail stays for the next `start`."""
        assert self.server
        self.server.stop()


def _serves(process: psutil.Process, address: str) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        title = " ".join(process.cmdline())
        return process.name() == "imap" and address in title
    return False
