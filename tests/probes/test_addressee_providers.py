"""Who runs a customer's mailbox."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from probes.addressee import PROVIDERS
from probes.addressee.hints import is_disposable, is_role
from probes.addressee.providers import of_domain, of_exchanger

if TYPE_CHECKING:
    from probes.addressee.provider import Provider


def test_each_provider_s_domains_and_exchangers_stand_in_one_place_only() -> None:
    names = Counter(
        name
        for provider in PROVIDERS.values()
        for name in (*provider.domains, *(f"mx {suffix}" for suffix in provider.mx_suffixes))
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_a_provider_is_written_in_lower_case_names(provider: Provider) -> None:
    names = (*provider.domains, *provider.mx_suffixes)
    assert names
    assert all(name == name.lower().strip(".") and "." in name for name in names)


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        *(("gmail.com", "gmail"), ("googlemail.com", "gmail"), ("hotmail.co.uk", "outlook")),
        *(("live.nl", "outlook"), ("msn.com", "outlook"), ("ymail.com", "yahoo")),
        *(("rocketmail.com", "yahoo"), ("yahoo.co.id", "yahoo"), ("aol.com", "aol")),
        *(("comcast.net", "comcast"), ("cox.net", "cox"), ("earthlink.net", "earthlink")),
        *(("juno.com", "juno"), ("netzero.net", "juno"), ("me.com", "icloud")),
        *(("fastmail.fm", "fastmail"), ("gmx.at", "gmx"), ("web.de", "webde")),
        *(("zoho.eu", "zoho"), ("pm.me", "proton"), ("bk.ru", "mailru"), ("ya.ru", "yandex")),
        # Yahoo in name only: another company, on servers of its own
        ("yahoo.co.jp", "yahoojapan"),
        *(("shop.example", None), ("mail.gmail.com", None), ("notgmail.com", None)),
    ],
)
def test_a_domain_tells_its_provider(domain: str, provider: str | None) -> None:
    assert of_domain(domain) == provider


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        *(("aspmx.l.google.com", "gmail"), ("alt1.aspmx.l.google.com", "gmail")),
        *(("smtp.google.com", "gmail"), ("aspmx2.googlemail.com", "gmail")),
        ("tea-example.mail.protection.outlook.com", "outlook"),
        ("tea-example.o-v1.mx.microsoft", "outlook"),
        ("hotmail-com.olc.protection.outlook.com", "outlook"),
        *(("mta5.am0.yahoodns.net", "yahoo"), ("mx-rogers.mail.am0.yahoodns.net", "yahoo")),
        ("mx-aol.mail.gm0.yahoodns.net", "aol"),
        *(("mx.vgs.untd.com", "juno"), ("in1-smtp.messagingengine.com", "fastmail")),
        *(("mx01.mail.icloud.com", "icloud"), ("mx2.zoho.eu", "zoho"), ("mx.yandex.net", "yandex")),
        *(("mail.protonmail.ch", "proton"), ("emx.mail.ru", "mailru"), ("mx00.gmx.net", "gmx")),
        *(("mx.shop.example", None), ("notgoogle.com", None), ("google.com.evil.example", None)),
        *(("", None), ("com", None)),
    ],
)
def test_a_mail_exchanger_tells_its_provider_by_the_end_of_its_name(
    host: str, provider: str | None
) -> None:
    assert of_exchanger(host) == provider


@pytest.mark.parametrize("domain", ["mailinator.com", "box7.mailinator.com", "yopmail.fr"])
def test_a_throw_away_domain_is_known_with_all_below_it(domain: str) -> None:
    assert is_disposable(domain)


@pytest.mark.parametrize(
    "domain", ["gmail.com", "com", "notmailinator.com", "mailinator.com.tea.example"]
)
def test_other_domains_are_not_thrown_away(domain: str) -> None:
    assert not is_disposable(domain)


@pytest.mark.parametrize("local_part", ["noreply", "No-Reply", "do_not_reply", "info", "sales+eu"])
def test_an_office_is_no_person(local_part: str) -> None:
    assert is_role(local_part)


@pytest.mark.parametrize("local_part", ["sara", "info.sara", "salesman", "mail", "+", ""])
def test_a_person_is_no_office(local_part: str) -> None:
    assert not is_role(local_part)
