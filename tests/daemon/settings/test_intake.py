"""What the settings say about order mail: everything optional, every default the safe one."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from daemon.settings import SettingsError
from daemon.settings.addresses import HostPort
from tests.daemon.settings.conftest import HASH
from tests.daemon.settings.pem_files import pem_files
from tests.daemon.settings.test_loading import SMALL, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.settings import Settings

SHOP: dict[str, Any] = SMALL["shops"][0]
ROUTE: dict[str, Any] = SHOP["routes"][0]
TLS = {"cert_file": "good.pem", "key_file": "good.key"}
PRIVATE = {"listen": [{"address": "127.0.0.1:2525", "tls": "none"}]}
RELAY = {"mode": "relay", "networks": ["192.0.2.7", "2001:db8::/64"]}
BOUNCES = {"address": "Bounces@Shop.example"}


def taking(
    folder: Path,
    intake: dict[str, Any] | None = None,
    route: dict[str, Any] | None = None,
    bounces: dict[str, Any] | None = None,
    listening: dict[str, Any] | None = None,
) -> Settings:
    """A shop that takes order mail in, as loaded."""
    shop = {**SHOP, "routes": [{**ROUTE, **(route or {})}], "intake": intake or RELAY}
    shop |= {"bounces": bounces} if bounces else {}
    return loaded(folder, shops=[shop], intake=listening or PRIVATE)


def test_a_file_from_before_the_intake_takes_nothing_in(folder: Path) -> None:
    settings = loaded(folder)
    [route] = settings.shops[0].routes
    assert (settings.intake, settings.shops[0].intake, settings.shops[0].bounces) == (None,) * 3
    assert (route.return_path, route.dkim, route.connections) == ("plain", None, 5)


def test_what_is_not_written_about_the_intake_has_its_default(folder: Path) -> None:
    intake = taking(folder, listening={"listen": [{"address": "[::1]:25", **TLS}]}).intake
    assert intake
    assert (intake.listen[0].address, intake.listen[0].tls) == (HostPort("::1", 25), "starttls")
    assert (intake.max_message_mb, intake.connections, intake.connections_per_ip) == (25, 1200, 50)
    assert (intake.idle, intake.hostname) == (timedelta(minutes=5), None)
    assert intake.allow_public is False


def test_senders_are_the_domains_that_the_routes_send_from(folder: Path) -> None:
    assert taking(folder).shops[0].sender_domains == ("shop.example",)
    given = {**RELAY, "senders": ["Bücher.example", "shop.example"]}
    shop = taking(folder, given).shops[0]
    assert shop.sender_domains == ("xn--bcher-kva.example", "shop.example")


def test_a_network_may_be_one_address(folder: Path) -> None:
    intake = taking(folder).shops[0].intake
    assert intake
    assert intake.networks == (ip_network("192.0.2.7/32"), ip_network("2001:db8::/64"))


@pytest.mark.parametrize("whole", ["0.0.0.0/0", "::/0", "0.0.0.0/7", "2000::/3", "::/1"])
def test_no_network_is_an_open_relay(folder: Path, whole: str) -> None:
    with pytest.raises(SettingsError, match="open relay"):
        taking(folder, {"mode": "relay", "networks": [whole]})


@pytest.mark.parametrize("private", ["10.0.0.0/8", "fc00::/7", "192.168.0.0/16"])
def test_private_networks_are_taken_whole(folder: Path, private: str) -> None:
    intake = taking(folder, {"mode": "relay", "networks": [private]}).shops[0].intake
    assert intake
    assert intake.networks == (ip_network(private),)


def test_the_logins_hash_is_read_when_asked_for_and_never_shown(folder: Path) -> None:
    login = {"mode": "relay", "username": "shop", "password_hash_file": "good.hash"}
    settings = taking(folder, login)
    intake = settings.shops[0].intake
    assert intake
    hashed = intake.read_password_hash()
    assert hashed
    assert hashed.get_secret_value() == HASH
    assert not [text for text in (repr(settings), settings.model_dump_json()) if HASH in text]


def test_copies_come_to_addresses_of_their_own(folder: Path) -> None:
    intake = taking(folder, {"mode": "copy", "copy_to": ["copies@watch.example"]}).shops[0].intake
    assert intake
    assert intake.copy_to == ("copies@watch.example",)
    assert intake.read_password_hash() is None


def test_a_signed_return_path_has_the_shops_bounce_address(folder: Path) -> None:
    settings = taking(folder, route={"return_path": "signed"}, bounces=BOUNCES)
    bounces = settings.shops[0].bounces
    assert bounces
    assert (bounces.address, bounces.username) == ("Bounces@shop.example",) * 2
    assert settings.shops[0].primary.return_path == "signed"


@pytest.mark.parametrize("length", [38, 39])
def test_a_bounce_address_leaves_room_for_the_mark(folder: Path, length: int) -> None:
    bounces = {"address": f"{'b' * length}@shop.example"}
    if length == 38:
        assert taking(folder, bounces=bounces).shops[0].bounces
    else:
        with pytest.raises(SettingsError, match="at most 38 characters before the @"):
            taking(folder, bounces=bounces)


@pytest.mark.parametrize("file", ["dkim.key", "ed25519.key"])
def test_a_signing_key_is_rsa_or_ed25519(folder: Path, file: str) -> None:
    key = {"domain": "Shop.example", "selector": "s1.mail", "key_file": file}
    dkim = taking(folder, route={"dkim": key}).shops[0].primary.dkim
    assert dkim
    assert (dkim.domain, dkim.selector) == ("shop.example", "s1.mail")
    assert dkim.read_key().get_secret_value() == pem_files()[file]


def test_a_public_listener_may_do_without_tls_where_nobody_logs_in(folder: Path) -> None:
    public = {"listen": [{"address": "192.0.2.1:25", "tls": "none"}], "allow_public": True}
    assert taking(folder, listening=public).intake


def test_any_free_port_may_be_asked_for_twice(folder: Path) -> None:
    free = {"address": "127.0.0.1:0", "tls": "none"}
    intake = taking(folder, listening={"listen": [free, dict(free)]}).intake
    assert intake
    assert len(intake.listen) == 2


def two_shops(folder: Path, *intakes: dict[str, Any]) -> Settings:
    names = enumerate(intakes)
    shops = [{**deepcopy(SHOP), "name": f"s{at}", **intake} for at, intake in names]
    return loaded(folder, shops=shops, intake=PRIVATE)


def test_two_shops_on_one_domain_are_told_apart_by_their_senders(folder: Path) -> None:
    first = {"intake": {"mode": "relay", "networks": ["192.0.2.7"]}}
    other = {"intake": {"mode": "relay", "networks": ["192.0.2.7"], "senders": ["other.example"]}}
    settings = two_shops(folder, first, other)
    assert [s.sender_domains for s in settings.shops] == [("shop.example",), ("other.example",)]
    with pytest.raises(SettingsError, match=r"`shop\.example` belongs to s0"):
        two_shops(folder, first, deepcopy(first))


@pytest.mark.parametrize("both", [("a.example", "b.a.example"), ("b.a.example", "a.example")])
def test_a_domain_takes_those_below_it_along(folder: Path, both: tuple[str, str]) -> None:
    first, second = ({"intake": {**deepcopy(RELAY), "senders": [domain]}} for domain in both)
    with pytest.raises(SettingsError, match=rf"`{both[1]}` belongs to s0 with `{both[0]}`"):
        two_shops(folder, first, second)


def test_domains_beside_each_other_are_two_shops(folder: Path) -> None:
    first, second = (
        {"intake": {**deepcopy(RELAY), "senders": [domain]}}
        for domain in ("shop.example", "myshop.example")
    )
    assert len(two_shops(folder, first, second).shops) == 2


def test_a_shop_that_takes_no_mail_claims_no_domain(folder: Path) -> None:
    settings = two_shops(folder, {}, {"intake": RELAY})
    assert [shop.intake is None for shop in settings.shops] == [True, False]
