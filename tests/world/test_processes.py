"""Whatever becomes of the tests, the servers that they started end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.world import processes
from tests.world.processes import NotReadyError, Server

ROOT = Path(__file__).resolve().parents[2]
DIES_WITHOUT_A_WORD = """
import os, signal
from tests.world import processes
from tests.world.processes import Server, temporary_folder
folder = temporary_folder("rw-test-")
server = Server.start("shell", ["sh", "-c", "sleep 600 & sleep 600"], folder / "output")
print(server.process.pid, folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).wait(10) is None
    except (psutil.NoSuchProcess, psutil.TimeoutExpired) as error:
        return isinstance(error, psutil.NoSuchProcess)


def test_a_killed_test_run_leaves_no_server_and_no_folder() -> None:
    # the guard holds our end of the pipe open until it is done
    said = subprocess.run(
        [sys.executable, "-c", DIES_WITHOUT_A_WORD],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
        timeout=60,
    ).stdout
    pid, folder = said.split()
    assert has_ended(int(pid))
    assert not Path(folder).exists()


def test_stopping_a_server_ends_even_children_that_ignore_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    server = Server.start("shell", ["sh", "-c", "sleep 600 & sleep 600"], tmp_path / "output")
    server.await_ready(lambda: len(server.family()) == 3)
    family = server.family()
    server.stop()
    assert all(has_ended(process.pid) for process in family)


def test_a_server_that_dies_is_reported_with_its_own_words(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo no such zone; exit 3"]
    server = Server.start("shell", argv, tmp_path / "output")
    with pytest.raises(NotReadyError, match=r"shell \(exit 3\): no such zone"):
        server.await_ready(lambda: False)
    server.stop()
