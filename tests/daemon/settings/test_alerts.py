from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daemon.alerts.channels.email import EmailSettings
from daemon.commands.config import effective
from daemon.rulings import alerting
from daemon.rulings.alerting import QuietHours
from daemon.settings import SettingsError
from daemon.settings.alerts import KEYS
from daemon.settings.writing import written
from tests.daemon.settings import test_loading

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.settings import Settings

EMAIL = {
    "to": "sara@mailbox.example",
    "from": "alerts@alerts.example",
    "host": "smtp.alerts.example",
}
SMS = {
    "to": "+989121234567",
    "from": "+15005550006",
    "account": f"AC{'0' * 32}",
    "auth_token_file": "good.password",
}
BY: dict[str, dict[str, Any]] = {
    "apprise": {"url_file": "good.password"},
    "email": EMAIL,
    "slack": {"url_file": "good.password"},
    "sms": SMS,
    "telegram": {"chat": "-1001", "token_file": "good.password"},
    "webhook": {"url": "https://hooks.example/x", "secret_file": "good.password"},
    "whatsapp": {**SMS, "content": f"HX{'0' * 32}"},
}
SHOP = test_loading.SMALL["shops"][0]


def loaded(folder: Path, **changed: Any) -> Settings:
    """As there; what is used twice is written twice, for the file takes no aliases."""
    return test_loading.loaded(folder, **json.loads(json.dumps(changed)))


def contact(channel: str = "email", **more: Any) -> dict[str, Any]:
    keys = {"name": "sara", "language": "fa", "time_zone": "Asia/Tehran", "channel": channel}
    return {**keys, "by": BY[channel], **more}


def by_email(**changed: Any) -> dict[str, Any]:
    return {"contacts": [contact(by={**EMAIL, **changed})]}


def test_nobody_is_told_unless_somebody_is_named(folder: Path) -> None:
    assert loaded(folder).alerts.contacts == ()


def test_the_policys_defaults_are_the_rulings_own(folder: Path) -> None:
    told = loaded(folder).alerts.policy
    assert alerting.Policy(**dict(told)) == alerting.Policy()


@pytest.mark.parametrize("channel", KEYS)
def test_each_channel_takes_its_own_keys_and_shows_them_again(folder: Path, channel: str) -> None:
    settings = loaded(folder, alerts={"contacts": [contact(channel)]})
    [found] = settings.alerts.contacts
    assert type(found.by) is KEYS[channel]
    again = folder / "again.yaml"
    again.write_text(written(effective(settings)))
    assert type(found.by).__doc__
    first_key = next(iter(type(found.by).model_fields.values()))
    assert str(first_key.description) in again.read_text()
    assert loaded(folder, **effective(settings)) == settings


def test_files_of_a_channel_are_beside_the_settings(folder: Path) -> None:
    [found] = loaded(folder, alerts={"contacts": [contact("slack")]}).alerts.contacts
    assert found.by.model_dump() == {"url_file": folder / "good.password"}


def test_quiet_hours_and_gap_are_times(folder: Path) -> None:
    person = contact(quiet_hours="22:00-07:30", gap="10m")
    [found] = loaded(folder, alerts={"contacts": [person]}).alerts.contacts
    assert found.quiet == QuietHours(time(22), time(7, 30))
    assert found.quiet.hold(datetime(2026, 11, 22, 3, 59, tzinfo=UTC), found.time_zone)
    assert found.gap == timedelta(minutes=10)


def test_a_contact_without_shops_hears_of_all(folder: Path) -> None:
    alerts = {"contacts": [contact(), contact(name="omid", shops=["demo"])]}
    everyone, one = loaded(folder, alerts=alerts).alerts.contacts
    assert everyone.hears_of("demo")
    assert everyone.hears_of("other")
    assert one.hears_of("demo")
    assert not one.hears_of("other")


def test_the_way_of_a_shop_that_is_another_contacts_business_is_free(folder: Path) -> None:
    other_route = {
        **SHOP["routes"][0],
        "from": "orders@alerts.example",
        "smtp": {"host": "smtp.alerts.example"},
    }
    shops = [SHOP, {**SHOP, "name": "other", "routes": [other_route]}]
    [found] = loaded(
        folder, shops=shops, alerts={"contacts": [contact(shops=["demo"])]}
    ).alerts.contacts
    assert isinstance(found.by, EmailSettings)
    with pytest.raises(SettingsError, match="another domain than other/primary"):
        loaded(folder, shops=shops, alerts={"contacts": [contact()]})


def test_an_owner_may_be_told_by_the_control_route(folder: Path) -> None:
    control = {"from": "probe@alerts.example", "smtp": {"host": "smtp.alerts.example"}}
    assert loaded(folder, control=control, alerts=by_email()).alerts.contacts


def test_on_this_machine_another_port_is_another_server(folder: Path) -> None:
    route = {**SHOP["routes"][0], "smtp": {"host": "127.0.0.1", "port": 2525, "tls": "none"}}
    shops = [{**SHOP, "routes": [route]}]
    there = {"host": "127.0.0.1", "tls": "none"}
    assert loaded(folder, shops=shops, alerts=by_email(**there, port=2526)).alerts.contacts
    with pytest.raises(SettingsError, match="another server"):
        loaded(folder, shops=shops, alerts=by_email(**there, port=2525))


def test_the_dead_mans_switch_is_read_from_its_file_and_shown_nowhere(folder: Path) -> None:
    file = folder / "switch.url"
    file.write_text("https://hc.example/ping/s3cret\n")
    file.chmod(0o600)
    settings = loaded(folder, alerts={"heartbeat_url_file": "switch.url"})
    url = settings.alerts.read_heartbeat_url()
    assert url
    assert url.get_secret_value() == "https://hc.example/ping/s3cret"
    assert "s3cret" not in repr(settings) + settings.model_dump_json()
    file.write_text("http://hc.example/s3cret\n")
    with pytest.raises(SettingsError, match="begins with https") as refused:
        loaded(folder, alerts={"heartbeat_url_file": "switch.url"})
    assert "s3cret" not in str(refused.value)


def test_what_nobody_would_hear_of_is_said(folder: Path) -> None:
    def gaps(*contacts: dict[str, Any]) -> list[str]:
        return list(loaded(folder, alerts={"contacts": list(contacts)}).alerts.gaps(["demo"]))

    nobody = "Nobody is told when receipts of demo do not land."
    inboxes = "No contact is an operator: nobody hears of faulty test inboxes."
    email = "When email fails, no operator hears of it by another channel."
    switch = "There is no dead man's switch: nobody hears when this monitor itself dies."
    operator = contact("slack", name="omid", operator=True)
    assert gaps() == [nobody, inboxes, switch]
    assert gaps(contact()) == [inboxes, email, switch]
    assert gaps(contact(operator=True)) == [email, switch]
    slack = email.replace("email", "slack")
    assert gaps(contact(), operator) == [slack, switch]
    assert gaps(contact(operator=True), operator) == [switch]
