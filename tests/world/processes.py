"""Starts and ends real servers: each in a process group of its own, none outlives the tests."""

from __future__ import annotations

import atexit
import functools
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOBODY = 65534
IS_ROOT = os.getuid() == 0
STOP_SECONDS = 10.0


class NotReadyError(Exception):
    """A server died, or did not answer within its time; carries the end of its output."""


def owner() -> tuple[int, int]:
    """The (uid, gid) that unprivileged servers run as: nobody when root starts them, else we."""
    return (NOBODY, NOBODY) if IS_ROOT else (os.getuid(), os.getgid())


# What a server may do, in the words of setpriv(1)
AS_WE = ()
AS_OWNER = ("--reuid", f"{NOBODY}", "--regid", f"{NOBODY}", "--clear-groups") if IS_ROOT else ()
LOW_PORTS = ("--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service")


def unprivileged(*argv: str) -> list[str]:
    """`argv` as `owner()` runs it."""
    return ["setpriv", *AS_OWNER, *argv] if AS_OWNER else list(argv)


class Guard:
    """A small shell that, once the tests are gone, ends what they left and removes its folders.

    (Linux's parent-death signal does not serve: a server that changes its rights loses it.)
    """

    SCRIPT = """
living=" "
while read -r word what; do
  case $word in
    born) living="$living$what " ;;
    dead) living="${living%% $what *} ${living#* $what }" ;;
    folder) set -- "$@" "$what" ;;
  esac
done
for group in $living; do kill -s KILL -- "-$group"; done
rm -rf -- "$@"
"""

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", self.SCRIPT], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        atexit.register(self._shell.communicate)

    def tell(self, word: str, what: int | Path) -> None:
        """Report a process group "born" or "dead", or a "folder"."""
        assert self._shell.stdin
        print(word, what, file=self._shell.stdin, flush=True)


guard = functools.cache(Guard)


def temporary_folder(prefix: str) -> Path:
    """A new folder that servers which dropped their rights can enter."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    guard().tell("folder", folder)
    folder.chmod(0o755)
    return folder


@dataclass(slots=True)
class Server:
    """A running server, the head of a process group; `guard` ends it should the tests die."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    stop_signal: signal.Signals

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str],
        output: Path,
        rights: Sequence[str] = AS_OWNER,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Server:
        """Start `argv` with the given rights; its output and errors go to the file `output`."""
        with output.open("wb") as sink:
            process = subprocess.Popen(
                ["setpriv", *rights, *argv] if rights else argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        guard().tell("born", process.pid)
        return cls(name, process, output, stop_signal)

    def family(self) -> list[psutil.Process]:
        """The server and everything that it started, also what left its process group."""
        return family_of([self])

    def await_ready(self, answers: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Return once `answers()`; raise NotReadyError when the server died or time is up."""
        deadline = time.monotonic() + timeout_s
        while not answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.output.read_text(errors="replace")[-2000:]
                raise NotReadyError(f"{self.name} (exit {self.process.returncode}): {said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server politely, and after ten seconds by force."""
        family = self.family()
        with suppress(ProcessLookupError):
            self.process.send_signal(self.stop_signal)
        psutil.wait_procs(family, timeout=STOP_SECONDS)
        kill_all([self])


def family_of(servers: Sequence[Server]) -> list[psutil.Process]:
    """The servers and all that they started; one look at the process table, however many."""
    found = {server.process.pid for server in servers}
    running = sorted(psutil.process_iter(["pid", "ppid"]), key=psutil.Process.create_time)
    family = []
    for process in running:  # a parent is never younger than its child
        if process.pid in found or process.info["ppid"] in found:
            found.add(process.pid)
            family.append(process)
    return family


def kill_all(servers: Sequence[Server]) -> list[psutil.Process]:
    """End the servers at once, without farewell; returns whichever process outlived it."""
    family = family_of(servers)
    for server in servers:
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
    _, survivors = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for server in servers:
        server.process.wait(STOP_SECONDS)
        guard().tell("dead", server.process.pid)
    return survivors


def listening(host: str, port: int) -> Callable[[], bool]:
    """A question for `await_ready`: does TCP `host`:`port` accept connections?"""

    def answers() -> bool:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            return False
        return True

    return answers
