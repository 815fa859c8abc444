from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import pytest

from daemon.alerts.catalogue import all_channels
from daemon.alerts.channel import ChannelSettings, Receipt, Undeliverable
from daemon.alerts.channels.apprise import CHANNEL, AppriseSettings
from tests.daemon.alerts.channel_samples import HTTP_CHANNELS, notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx2

    Secret = Callable[[str], Path]

# What the real package offers, as far as the channel uses it.
IMITATION = """
seen = []
class Apprise:
    def add(self, url):
        self.url = url
        return url.startswith("json://")
    def notify(self, *, title, body):
        if "raise" in self.url:
            raise RuntimeError("leaks " + self.url)
        seen.append((self.url, title, body))
        return "refuse" not in self.url
"""


@pytest.fixture
def apprise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    room = tmp_path / "site"
    room.mkdir()
    (room / "apprise.py").write_text(IMITATION, "utf-8")
    monkeypatch.syspath_prepend(str(room))
    monkeypatch.delitem(sys.modules, "apprise", raising=False)
    yield
    sys.modules.pop("apprise", None)


def test_the_catalogue_holds_every_channel() -> None:
    assert set(all_channels()) == {*HTTP_CHANNELS, "email", "apprise"}


@pytest.mark.parametrize("name", sorted(all_channels()))
def test_each_channel_keeps_the_contract(name: str) -> None:
    channel = all_channels()[name]
    assert issubclass(channel.settings, ChannelSettings)
    assert channel.settings.model_config["extra"] == "forbid"
    assert inspect.iscoroutinefunction(channel.deliver)
    assert list(inspect.signature(channel.deliver).parameters)[:2] == ["notice", "settings"]
    for key, field in channel.settings.model_fields.items():
        assert field.description, f"{key} has no sentence for the example file"


@pytest.mark.parametrize("name", sorted(all_channels()))
def test_a_channel_that_may_deliver_twice_says_so(name: str) -> None:
    channel = all_channels()[name]
    words = " ".join((sys.modules[channel.deliver.__module__].__doc__ or "").split())
    assert channel.deduplicates or "at most one duplicate" in words


@pytest.mark.usefixtures("apprise")
async def test_apprise_gets_subject_and_text(secret: Secret, http: httpx2.AsyncClient) -> None:
    told = notice("he")
    settings = AppriseSettings(url_file=secret("json://s3cret@host"))
    assert await CHANNEL.deliver(told, settings, http) == Receipt()
    assert sys.modules["apprise"].seen == [("json://s3cret@host", told.subject, told.text)]


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize("url", ["json://s3cret/raise", "json://s3cret/refuse", "s3cret://x"])
async def test_a_service_of_apprise_that_fails_gives_no_secret_away(
    url: str, secret: Secret, http: httpx2.AsyncClient
) -> None:
    with pytest.raises(Undeliverable) as caught:
        await CHANNEL.deliver(notice(), AppriseSettings(url_file=secret(url)), http)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


async def test_without_apprise_the_error_says_what_to_install(
    secret: Secret, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)  # as if it were not installed
    with pytest.raises(Undeliverable, match=r"receiptwatch\[apprise\]") as caught:
        await CHANNEL.deliver(notice(), AppriseSettings(url_file=secret("json://x")), http)
    assert caught.value.permanent
