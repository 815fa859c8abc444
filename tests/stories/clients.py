"""swaks and msmtp as a shop's machine runs them, and bare words over a socket."""

from __future__ import annotations

import asyncio
import functools
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests.conftest import unavailable
from tests.stories.front_door import HERE, PASSWORD, SENDER, STRANGER, USERNAME

if TYPE_CHECKING:
    from tests.stories.front_door import House


class Ended(NamedTuple):
    """A program that ran to its end, and all that it said."""

    code: int
    out: str


async def swaks(
    house: House,
    message: bytes,
    to: str,
    *options: str,
    tls: str,
    password: str = "",
    trusts: bool = True,
    at: str = STRANGER,
) -> Ended:
    """One message from the address `at`; `tls` is starttls, implicit, or "" for none.

    Without TLS, who has a password goes to the listener that offers STARTTLS all the same.
    """
    _demand("swaks", fit=_swaks_speaks_tls())
    words = ["--server", HERE, "--local-interface", at, "--helo", "shop.saffron.test", "--to", to]
    words += [] if "--from" in options else ["--from", SENDER]
    words += ["--auth-user", USERNAME, "--auth-password", password] if password else []
    words += ["--tls-verify", *(["--tls-ca-path", house.authority] if trusts else [])]
    words += {"starttls": ["--tls"], "implicit": ["--tls-on-connect"], "": []}[tls]
    return await run("swaks", *words, "--port", _port(house, tls, password), *options,
                     "--data", "-", given=message)  # fmt: skip


def _port(house: House, tls: str, password: str) -> str:
    ports = house.ports
    if tls == "implicit":
        return str(ports.implicit)
    return str(ports.starttls if tls or password else ports.plain)


async def msmtp(house: House, message: bytes, *, tls: str) -> Ended:
    """As sendmail is called by PHP's mail(): sender and recipients stand in the message alone."""
    _demand("msmtp", fit=True)
    port = house.ports.starttls if tls == "starttls" else house.ports.implicit
    return await run(
        "msmtp",
        *(f"--host={HERE}", f"--port={port}", f"--source-ip={STRANGER}"),
        *("--tls=on", f"--tls-starttls={'on' if tls == 'starttls' else 'off'}"),
        f"--tls-trust-file={house.authority}",
        *("--auth=plain", f"--user={USERNAME}", f"--passwordeval=echo '{PASSWORD}'"),
        *("--read-envelope-from", "--read-recipients"),
        given=message,
    )


async def talk(port: int, *lines: str | bytes, at: str = HERE) -> list[str]:
    """Say the lines one by one from the address `at`; the last line of each reply."""
    reader, writer = await asyncio.open_connection(HERE, port, local_addr=(at, 0))
    try:
        replies = [await _reply(reader)]  # the greeting
        for line in lines:
            writer.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
            await writer.drain()
            replies.append(await _reply(reader))
        return replies
    finally:
        writer.transport.abort()


async def _reply(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(10):
        while (line := (await reader.readline()).decode())[3:4] == "-":
            pass
    return line.rstrip("\r\n")


async def run(*argv: str, given: bytes = b"") -> Ended:
    """Run a program to its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(given), 20)
    return Ended(process.returncode or 0, said.decode(errors="replace"))


def _demand(program: str, *, fit: bool) -> None:
    if shutil.which(program) is None or not fit:
        unavailable(f"{program} is not there as it has to be; `make world-packages` installs it")


@functools.cache
def _swaks_speaks_tls() -> bool:
    if shutil.which("swaks") is None:
        return False
    told = subprocess.run(["swaks", "--support"], capture_output=True, text=True, check=False)
    return "TLS supported" in told.stdout
