"""A throwaway PostgreSQL cluster: no TCP, no durability, gone after the tests."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.world.processes import Server, owner, temporary_folder, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 5499  # only names the socket file
HASTE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")


def binaries() -> Path | None:
    """The newest PostgreSQL's programs: Debian keeps them out of PATH; None when not installed."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major)
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _major(initdb: Path) -> int:
    return int(initdb.parts[-3])


@dataclass(slots=True)
class Cluster:
    """A running cluster; `folder` holds data, log and socket."""

    programs: Path
    folder: Path
    server: Server | None = None
    names: Iterator[str] = field(default_factory=lambda: map("test_{}".format, itertools.count()))

    @classmethod
    def start(cls, programs: Path) -> Cluster:
        """Create and start a cluster in a new temporary folder."""
        folder = temporary_folder("rw-pg-")  # short: a socket's path has 107 bytes
        os.chown(folder, *owner())
        cluster = cls(programs, folder)
        cluster._initdb()
        cluster._serve()
        return cluster

    def _initdb(self) -> None:
        options = ("--username=app", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        argv = unprivileged(str(self.programs / "initdb"), "-D", f"{self.folder}/data", *options)
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True)

    def _serve(self) -> None:
        place = ("listen_addresses=", f"unix_socket_directories={self.folder}", f"port={PORT}")
        settings = [word for setting in (*place, *HASTE) for word in ("-c", setting)]
        argv = [str(self.programs / "postgres"), "-D", f"{self.folder}/data", *settings]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients
        self.server = Server.start("postgres", argv, self.folder / "log", stop_signal=signal.SIGINT)
        self.server.await_ready(self._answers)

    def _answers(self) -> bool:
        return self._run("pg_isready").returncode == 0

    def _run(self, program: str, *argv: str) -> subprocess.CompletedProcess[str]:
        where = ("-h", str(self.folder), "-p", str(PORT), "-U", "app", "-d", "postgres")
        command = [str(self.programs / program), *where, *argv]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser; raises RuntimeError with PostgreSQL's words."""
        done = self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def create(self) -> str:
        """Create an empty database and return its name."""
        name = next(self.names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, cutting off whoever is still connected."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database, without a driver."""
        return f"postgresql://app@/{name}?host={self.folder}&port={PORT}"

    def restart(self, away_s: float = 0.0) -> None:
        """End the server, and start it again so many seconds later."""
        if self.server:
            self.server.stop()
        time.sleep(away_s)
        self._serve()

    def stop(self) -> None:
        """End the cluster and remove its folder."""
        if self.server:
            self.server.stop()
        shutil.rmtree(self.folder)
