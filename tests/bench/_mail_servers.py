"""The servers that the benchmark `intake` compares: Postfix that discards, and ours."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from tests.bench._intake_server import RECIPIENT, SENDER
from tests.world import postgres
from tests.world.postfix import MASTER, ROOMS, SERVICES
from tests.world.processes import AS_WE, Server, listening, temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SLOWNESS = Path(__file__).parent / "slow_fsync.c"
SLOWER_US = 5_000
CONNECTIONS = 20
QUEUES = ("maildrop", "incoming", "active", "deferred")


def slow_fsync(folder: Path) -> dict[str, str]:
    """The environment in which every fsync takes 5 ms longer."""
    library = folder / "slow_fsync.so"
    argv = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SLOWNESS), "-ldl"]
    subprocess.run(argv, check=True)
    library.chmod(0o755)
    return {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(SLOWER_US)}


def free_port() -> int:
    """A TCP port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def push(port: int, size: int, count: int, *, kept: bool) -> float:
    """Messages per second that 20 connections get accepted."""
    began = time.monotonic()
    subprocess.run(
        [
            *("smtp-source", *(["-d"] if kept else []), "-s", str(CONNECTIONS)),
            *("-m", str(count), "-l", str(size), "-f", SENDER, "-t", RECIPIENT),
            f"inet:127.0.0.1:{port}",
        ],
        check=True,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )
    return count / (time.monotonic() - began)


@contextmanager
def postfix(environment: Mapping[str, str]) -> Iterator[tuple[int, Path]]:
    """Postfix with its own durability, whose every message is discarded; its port and queue."""
    folder, port = temporary_folder("bench-postfix-"), free_port()
    for name, user, group, mode in ROOMS:
        room = folder / "queue" / name
        room.mkdir(parents=True)
        os.chown(room, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
        room.chmod(mode)
    (folder / "data").mkdir()
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": f"{folder}/queue",
        "data_directory": f"{folder}/data",
        "maillog_file": f"{folder}/mail.log",
        "maillog_file_prefixes": str(folder),
        "import_environment": " ".join(
            ("MAIL_CONFIG TZ LANG=C", *(f"{key}={value}" for key, value in environment.items()))
        ),
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "mydestination": "",
        "alias_maps": "",
        "default_transport": "discard",
        "relay_transport": "discard",
        "smtpd_client_connection_count_limit": "0",
    }
    (folder / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
    listener = f"127.0.0.1:{port} inet n - n - - smtpd\n"
    (folder / "master.cf").write_text(f"{listener}discard unix - - n - - discard{SERVICES}")
    server = Server.start("postfix", [MASTER, "-c", str(folder), "-s"], folder / "output", AS_WE)
    try:
        server.await_ready(listening("127.0.0.1", port))
        yield port, folder / "queue"
    finally:
        server.stop()
        shutil.rmtree(folder)


def settle(queue: Path) -> None:
    """Wait until Postfix has discarded what it took: it would work on while others are measured."""
    deadline = time.monotonic() + 120
    while any(file for name in QUEUES for file in (queue / name).rglob("*") if file.is_file()):
        if time.monotonic() > deadline:
            raise TimeoutError("Postfix does not empty its queue")
        time.sleep(0.2)


@contextmanager
def ours(url: str, environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Our intake in a process of its own; its port and process id."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.bench._intake_server", url, str(port)]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    with process:
        if not process.stdout or process.stdout.readline() != b"ready\n":
            raise RuntimeError("the intake did not start")
        yield port, process.pid
        process.communicate()


@contextmanager
def sqlite_url() -> Iterator[str]:
    """A new database file."""
    folder = temporary_folder("bench-sqlite-")
    try:
        yield f"sqlite:///{folder}/ledger.db"
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgresql_url(environment: Mapping[str, str]) -> Iterator[str | None]:
    """An empty database of a cluster that does not cheat; None when there is no PostgreSQL."""
    programs = postgres.binaries()
    if programs is None:
        yield None
        return
    with ExitStack() as undo:
        # the tests' clusters save themselves the disk
        undo.enter_context(mock.patch.object(postgres, "HASTE", ("shared_buffers=128MB",)))
        undo.enter_context(mock.patch.dict(os.environ, environment))
        cluster = postgres.Cluster.start(programs)
        undo.callback(cluster.stop)
        yield cluster.url(cluster.create())
