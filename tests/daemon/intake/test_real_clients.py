"""The clients that shops use are understood: swaks, msmtp."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from daemon.intake.terms import Listener
from probes.endpoint import Tls
from tests.conftest import unavailable
from tests.daemon.intake.front import BIKES, HOST, LETTER, Shelf, intake, with_login
from tests.daemon.intake.test_login import PASSWORD, QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon.intake.conftest import Tls as Contexts

CUSTOMER = "ada@customer.example"
PAGE = LETTER + b"<html>" + b"<td>1</td>" * 7_000 + b"</html>\r\n"
"""A page of 70 KB on one line, as PHP shops write it."""


async def run(*argv: str, given: bytes = b"") -> str:
    """The output of a program that ended well."""
    if shutil.which(argv[0]) is None:
        unavailable(f"{argv[0]} is not installed")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(given), 20)
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.parametrize("options", [(), ("--pipeline",)], ids=["one by one", "pipelined"])
async def test_swaks_is_understood(tmp_path: Path, options: tuple[str, ...]) -> None:
    shelf, page = Shelf(), tmp_path / "page.eml"
    page.write_bytes(PAGE.replace(b"\r\n", b"\n"))
    async with intake(shelf) as running:
        server = f"{HOST}:{running.ports[0]}"
        envelope = ("--from", "orders@bikes.example", "--to", CUSTOMER)
        await run("swaks", "--server", server, *envelope, "--data", f"@{page}", *options)
    assert shelf.kept[0].raw.endswith(PAGE + b"\r\n")  # swaks adds a line


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Tls.STARTTLS, ("--auth=plain",)),
        (Tls.IMPLICIT, ("--auth=login", "--tls-starttls=off")),
    ],
)
async def test_msmtp_is_understood(
    tls: Contexts, tmp_path: Path, kind: Tls, options: tuple[str, ...]
) -> None:
    shelf, trusted = Shelf(), tmp_path / "ca.pem"
    trusted.write_text(tls.authority)
    listener = Listener(HOST, 0, kind, tls.server)
    async with intake(shelf, listener, shops=(with_login(BIKES, "bikes", QUICK),)) as running:
        where = ("--host=localhost", f"--port={running.ports[0]}", "--user=bikes", *options)
        secure = ("--tls=on", f"--tls-trust-file={trusted}", f"--passwordeval=echo '{PASSWORD}'")
        envelope = ("--from=orders@bikes.example", CUSTOMER)
        await run("msmtp", *where, *secure, *envelope, given=PAGE.replace(b"\r\n", b"\n"))
    assert (shelf.kept[0].login, shelf.kept[0].raw.endswith(PAGE)) == ("bikes", True)
