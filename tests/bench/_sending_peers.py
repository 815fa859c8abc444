"""What the benchmark `sending` compares: Postfix's smtp client, and our way out, both to smtp-sink.

Both begin with a full queue, and are timed from the first message that leaves it to the last.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from tests.bench._mail_servers import free_port, push
from tests.world.postfix import MASTER, ROOMS, SERVICES
from tests.world.processes import AS_WE, Server, listening, temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONNECTIONS = 20
"""At a time; Postfix's default_destination_concurrency_limit."""
LOOK_S = 0.05
LONGEST_S = 300
_MANAGER = "qmgr      unix  n  -  n  1  1  qmgr\n"


@contextmanager
def sink() -> Iterator[int]:
    """A server that takes everything and keeps nothing; its port."""
    port = free_port()
    argv = ["/usr/sbin/smtp-sink", "-u", "postfix", f"127.0.0.1:{port}", "1000"]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        _until(listening("127.0.0.1", port))
        try:
            yield port
        finally:
            process.kill()


@dataclass(frozen=True, slots=True)
class Run:
    """Messages per second, and the processor's milliseconds that each took."""

    rate: float
    cpu_ms: float


def postfix(sink_port: int, count: int, size: int) -> Run:
    """How a fresh Postfix sends on, by its default settings.

    It takes them in while it has no queue manager, and starts one then.
    """
    folder, port = temporary_folder("bench-postfix-"), free_port()
    _rooms(folder)
    _configure(folder, sink_port, port)
    argv = [MASTER, "-c", str(folder), "-s"]
    server = Server.start("postfix", argv, folder / "output", AS_WE)
    try:
        server.await_ready(listening("127.0.0.1", port))
        push(port, size, count, kept=True)
        master = folder / "master.cf"
        master.write_text(master.read_text() + _MANAGER)
        before = _cpu_s(server.process.pid)
        server.process.send_signal(signal.SIGHUP)
        rate = _drained(folder / "queue", count)
        return Run(rate, 1_000 * (_cpu_s(server.process.pid) - before) / count)
    finally:
        server.stop()
        shutil.rmtree(folder)


def ours(url: str, sink_port: int, count: int, size: int) -> Run:
    """How our sender sends on, each step on record; PostgreSQL's processor time is not counted."""
    words = map(str, (url, sink_port, count, size, CONNECTIONS))
    argv = [sys.executable, "-m", "tests.bench._mail_sender", *words]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        if not process.stdout or process.stdout.readline() != "ready\n":
            raise RuntimeError("our sender did not start")
        told, _ = process.communicate("go\n", timeout=LONGEST_S)
    seconds, cpu_s = map(float, told.split())
    return Run(count / seconds, 1_000 * cpu_s / count)


def _rooms(folder: Path) -> None:
    for name, user, group, mode in ROOMS:
        room = folder / "queue" / name
        room.mkdir(parents=True)
        os.chown(room, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
        room.chmod(mode)
    (folder / "data").mkdir()
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)


def _configure(folder: Path, sink_port: int, port: int) -> None:
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": f"{folder}/queue",
        "data_directory": f"{folder}/data",
        "maillog_file": f"{folder}/mail.log",
        "maillog_file_prefixes": str(folder),
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "mydestination": "",
        "alias_maps": "",
        "relayhost": f"[127.0.0.1]:{sink_port}",
        "smtp_host_lookup": "native",
        "smtpd_client_connection_count_limit": "0",
        "in_flow_delay": "0s",  # whoever brings mail is not slowed down while none is sent on
    }
    (folder / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
    services = SERVICES.replace(_MANAGER, "")
    (folder / "master.cf").write_text(f"127.0.0.1:{port} inet n - n - - smtpd\n{services}")


def _drained(queue: Path, count: int) -> float:
    """The rate from the first message gone to the last."""
    _until(lambda: _left(queue) < count)
    left, began = _left(queue), time.monotonic()
    _until(lambda: not _left(queue))
    return left / (time.monotonic() - began)


def _cpu_s(master: int) -> float:
    """What Postfix has used so far, those of its processes that have ended included."""
    parent = psutil.Process(master)
    ended = parent.cpu_times()
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    there = sum(time.user + time.system for time in times)
    return there + ended.children_user + ended.children_system


def _left(queue: Path) -> int:
    return sum(1 for name in ("incoming", "active") for _ in (queue / name).iterdir())


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("nothing happens")
        time.sleep(LOOK_S)
