"""A login that a provider refuses is not tried again and again, whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.stories.programs import change, receiptwatch

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
