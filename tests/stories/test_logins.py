"""How often a mailbox is logged in to: once while all is well, twice when it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import yaml

from tests.stories.programs import address, change, receiptwatch, running, until

if TYPE_CHECKING:
    from daemon.demo.provider import Provider
    from daemon.demo.world import DemoWorld


def password_file(settings: Path, seed: str) -> Path:
    known = yaml.safe_load(settings.read_text())["seeds"]
    return Path(next(s["login"]["password_file"] for s in known if s["name"] == seed))


def logins(provider: Provider) -> list[str]:
    """The user names of every login from now on, granted or refused."""
    asked: list[str] = []
    login = provider._imap._login
    authenticate = login.authenticate

    async def noting(credentials: Any) -> Any:
        asked.append(credentials.authcid)
        return await authenticate(credentials)

    login.authenticate = noting  # type: ignore[method-assign]
    return asked


async def test_a_round_at_once_tries_a_refused_login_twice_and_says_why_nothing_was_observed(
    demo_world: DemoWorld,
) -> None:
    settings = demo_world.settings_file
    change(settings, cadence={"deadline": "1s"})
    password_file(settings, "gmail-1").write_text("not the password\n")
    asked = logins(demo_world.providers["gmail"])
    words = ("probe", "--now", "--seed", "gmail-1", "--json", "--config", settings)
    for _ in range(2):
        probed = await receiptwatch(*words)
        assert probed.code == 1
        assert {probe["placement"] for probe in probed.json["probes"]} == {"unobserved"}
        assert all("password" in probe["reason"] for probe in probed.json["probes"])
    assert len(asked) == 2


async def test_a_mailbox_left_alone_is_read_again_once_check_has_read_it(
    demo_world: DemoWorld,
) -> None:
    settings = demo_world.settings_file
    change(settings, cadence={"deadline": "1s"})
    demo_world.providers["gmail"].lock("seed1@gmail.test")
    locked = await receiptwatch("probe", "--now", "--seed", "gmail-1", "--config", settings)
    assert locked.code == 1
    demo_world.providers["gmail"].relent()
    checked = await receiptwatch("check", "--config", settings)
    assert checked.code == 0, checked.out + checked.err
    assert "✓ inbox" in checked.out


async def test_the_daemon_keeps_one_connection_for_all_its_looks(demo_world: DemoWorld) -> None:
    settings = demo_world.settings_file
    every = {"primary": "2s", "fallback": "2s", "control": "2s", "deadline": "1s"}
    change(settings, cadence=every)
    asked = {name: logins(provider) for name, provider in demo_world.providers.items()}

    async def three_of_each() -> bool:
        async with httpx2.AsyncClient(timeout=10) as http:
            lanes = (await http.get(f"{address(settings, 'console')}/status.json")).json()["lanes"]
        return len(lanes) == 9 and min(lane["visible"]["k"] for lane in lanes) >= 3

    async with running(settings):
        await until(three_of_each)
        assert {name: len(users) for name, users in asked.items()} == dict.fromkeys(asked, 1)


async def test_a_round_at_once_leaves_no_connection_behind(demo_world: DemoWorld) -> None:
    provider = demo_world.providers["gmail"]
    asked = logins(provider)
    words = ("--seed", "gmail-1", "--config", demo_world.settings_file)
    assert (await receiptwatch("probe", "--now", *words)).code == 0
    assert len(asked) == 1

    async def all_closed() -> bool:
        return not provider._imap._login.sessions

    await until(all_closed, within_s=10)
