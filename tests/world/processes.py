"""Starts and ends real servers: each in a process group of its own, none outlives the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NOBODY = 65534
IS_ROOT = os.getuid() == 0
STOP_SECONDS = 10.0


class NotReadyError(Exception):
    """A server died, or did not answer within its time; carries the end of its output."""


def owner() -> tuple[int, int]:
    """The (uid, gid) that unprivileged servers run as: nobody when root starts them, else we."""
    return (NOBODY, NOBODY) if IS_ROOT else (os.getuid(), os.getgid())


def unprivileged(*argv: str) -> list[str]:
    """`argv` as `owner()` runs it."""
    uid, gid = owner()
    drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"] if IS_ROOT else []
    return [*drop, *argv]


@dataclass(slots=True)
class Server:
    """A running server. The kernel sends `stop_signal` should the tests die without a word."""

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
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Server:
        """Start `argv`; its standard output and error go to the file `output`."""
        guarded = ["setpriv", "--pdeathsig", stop_signal.name.removeprefix("SIG"), *argv]
        with output.open("wb") as sink:
            process = subprocess.Popen(
                guarded,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, process, output, stop_signal)

    def family(self) -> list[psutil.Process]:
        """The server and everything that it started, also what left its process group."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def await_ready(self, answers: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Return once `answers()`; raise NotReadyError when the server died or time is up."""
        deadline = time.monotonic() + timeout_s
        while not answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.output.read_text(errors="replace")[-2000:]
                raise NotReadyError(f"{self.name} (exit {self.process.returncode}): {said}")
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        """Send the stop signal; returns at once."""
        with suppress(ProcessLookupError):
            self.process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """End the server and its family, by force after ten seconds."""
        family = self.family()
        self.ask_to_stop()
        _, stubborn = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for process in stubborn:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, timeout=STOP_SECONDS)
        self.process.wait(STOP_SECONDS)


def listening(host: str, port: int) -> Callable[[], bool]:
    """A question for `await_ready`: does TCP `host`:`port` accept connections?"""

    def answers() -> bool:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            return False
        return True

    return answers
