"""A Postfix of its own that hands everything to our intake, and the line in between."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import shutil
import smtplib
import subprocess
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.stories.front_door import HERE, PATIENCE_S, SENDER, free_ports
from tests.stories.programs import until
from tests.world.postfix import MASTER, ROOMS, SERVICES
from tests.world.processes import AS_WE, IS_ROOT, Server, listening, temporary_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.stories.front_door import House

SENDMAIL = "/usr/sbin/sendmail"
QUEUES = ("maildrop", "incoming", "active", "deferred")


def unfit() -> str | None:
    """Why no Postfix can be started here; None when one can."""
    if not (shutil.which(MASTER) and shutil.which(SENDMAIL)):
        return "Postfix is not installed; `make world-packages` installs it"
    return None if IS_ROOT else "Postfix starts only as root; `sudo make test` runs these"


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running instance; it listens on 127.0.0.1."""

    folder: Path
    port: int

    def sendmail(self, recipient: str, message: bytes) -> None:
        """Hand a message with LF line ends over as a program on the same machine does."""
        argv = [SENDMAIL, "-C", str(self.folder), "-i", "-f", SENDER, recipient]
        subprocess.run(argv, input=message, check=True)

    def by_smtp(self, recipient: str, message: bytes) -> None:
        """Hand a message over as a program on another machine does."""
        with smtplib.SMTP(HERE, self.port) as client:
            client.sendmail(SENDER, [recipient], message)

    def flush(self) -> None:
        """Have everything that waits tried now."""
        subprocess.run(["/usr/sbin/postqueue", "-c", str(self.folder), "-f"], check=True)

    @property
    def waiting(self) -> int:
        """How many messages it still has."""
        rooms = (self.folder / "queue" / name for name in QUEUES)
        return sum(file.is_file() for room in rooms for file in room.rglob("*"))

    @property
    def log(self) -> str:
        """What it logged."""
        return (self.folder / "mail.log").read_text(errors="replace")


@contextmanager
def postfix(relay_port: int) -> Iterator[Postfix]:
    """Runs while within, and hands everything to that port of 127.0.0.1."""
    folder, [port] = temporary_folder("client-postfix-"), free_ports(1)
    _make_queue(folder)
    settings = _settings(folder, relay_port)
    (folder / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
    (folder / "master.cf").write_text(f"{HERE}:{port} inet n - n - - smtpd\n{SERVICES}")
    server = Server.start("postfix", [MASTER, "-c", str(folder), "-s"], folder / "output", AS_WE)
    try:
        server.await_ready(listening(HERE, port))
        yield Postfix(folder, port)
    finally:
        server.stop()
        shutil.rmtree(folder)


def _make_queue(folder: Path) -> None:
    for name, user, group, mode in ROOMS:
        room = folder / "queue" / name
        room.mkdir(parents=True)
        os.chown(room, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
        room.chmod(mode)
    (folder / "data").mkdir()
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)


def _settings(folder: Path, relay_port: int) -> dict[str, str]:
    return {
        "compatibility_level": "3.6",
        "myhostname": "mx.saffron.test",
        "queue_directory": f"{folder}/queue",
        "data_directory": f"{folder}/data",
        "maillog_file": f"{folder}/mail.log",
        "maillog_file_prefixes": str(folder),
        "inet_interfaces": HERE,
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "mydestination": "",
        "alias_maps": "",
        "alias_database": "",
        "relayhost": f"[{HERE}]:{relay_port}",
        "queue_run_delay": "1s",
        "minimal_backoff_time": "1s",
        "maximal_backoff_time": "1s",
        "notify_classes": "",
    }


@dataclass
class Line:
    """Carries every byte from its `port` to another and back.

    `passes` is shown each piece that the service says; where it says no, the line is cut instead.
    """

    to: int
    passes: Callable[[bytes], bool] = lambda _piece: True
    port: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        with suppress(OSError, asyncio.CancelledError):
            service, on = await asyncio.open_connection(HERE, self.to)
            forth = asyncio.create_task(_carry(client, on, lambda _piece: True))
            try:
                await _carry(service, back, self._passes)
            finally:
                forth.cancel()
                on.transport.abort()
        back.transport.abort()
        self._open.discard(task)

    def _passes(self, piece: bytes) -> bool:
        return self.passes(piece)  # it may be another one by now

    async def close(self) -> None:
        """Cut every connection."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool]
) -> None:
    with suppress(OSError):
        while (piece := await reader.read(65_536)) and passes(piece):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def line(to: int) -> AsyncIterator[Line]:
    """Open while within."""
    one = Line(to)
    server = await asyncio.start_server(one._serve, HERE, 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.close()
        await server.wait_closed()


class Mta(NamedTuple):
    """Another mail server that hands everything to us, and the line on which it does."""

    postfix: Postfix
    line: Line

    async def drained(self) -> None:
        """Wait until it has handed everything over."""

        async def empty() -> bool:
            return not self.postfix.waiting

        await until(empty, within_s=PATIENCE_S, every_s=0.05)


@dataclass
class Accidents:
    """What befalls the line: so many cuts behind a message that is stored, then the service dies.

    Postfix never hears of what was stored, and comes again.
    """

    house: House
    cuts: int
    kills: bool = False

    def pass_by(self, said: bytes) -> bool:
        if self.cuts and b"queued as" in said:
            self.cuts -= 1
            return False
        if self.kills and b"354 " in said:
            self.kills = False
            self.house.service.kill()
            return False
        return True
