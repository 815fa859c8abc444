"""`receiptwatch login` on a server without a browser, and what becomes of a login that is lost."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import httpx2
import yaml

from tests.probes.oauth_server import CLIENT, SECRET, OAuthServer
from tests.stories.programs import COMMAND, ENVIRONMENT, change, receiptwatch

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.demo.world import DemoWorld


def with_google_login(settings: Path, oauth: OAuthServer) -> None:
    """Leave one seed, which logs in by OAuth."""
    secret = settings.with_name("client-secret")
    secret.write_text(SECRET)
    secret.chmod(0o600)
    seed = yaml.safe_load(settings.read_text())["seeds"][0]
    seed["login"] = {
        "kind": "oauth",
        "flow": "google",
        "client_id": CLIENT,
        "client_secret_file": str(secret),
        "auth_url": f"{oauth.url}/auth",
        "token_url": f"{oauth.url}/token",
    }
    change(settings, seeds=[seed])


async def pasting(settings: Path) -> tuple[int, str]:
    """`login --paste` with a person who opens the address elsewhere and brings back the last."""
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "login", "gmail-1", "--paste", "--config", str(settings)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    async with asyncio.timeout(30):
        while not (found := re.search(rb"http://\S+/auth\?\S+", await process.stdout.readline())):
            pass
        async with httpx2.AsyncClient(trust_env=False) as browser:
            address = (await browser.get(found[0].decode())).headers["Location"]
        said, _ = await process.communicate(f"{address}\n".encode())
    return process.returncode or 0, said.decode()


async def test_a_server_without_a_browser_is_logged_in_by_pasting_an_address(
    demo_world: DemoWorld,
) -> None:
    settings = demo_world.settings_file
    with OAuthServer() as oauth:
        with_google_login(settings, oauth)
        code, said = await pasting(settings)
        assert (code, "gmail-1 is logged in" in said) == (0, True), said


async def test_a_login_sealed_with_another_key_is_said_in_words(demo_world: DemoWorld) -> None:
    settings = demo_world.settings_file
    with OAuthServer() as oauth:
        with_google_login(settings, oauth)
        await pasting(settings)
        key_file = yaml.safe_load(settings.read_text())["secret_key_file"]
        change(settings, secret_key_file=f"{key_file}.new")
        new = settings.parent / "secrets" / "key.new"
        new.write_bytes(b"another key, as long as it has to be")
        new.chmod(0o600)
        checked = await receiptwatch("check", "--no-send", "--json", "--config", settings)
    assert checked.code == 1, checked.err
    [proof] = checked.json["inboxes"]
    assert "sealed with another key" in proof["said"]
    assert "receiptwatch login gmail-1" in proof["said"]
