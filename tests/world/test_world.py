"""The real mail world behaves as the stories believe it does."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dns.resolver
import psutil
import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from tests.world import courier
from tests.world import world as real_world
from tests.world.plan import FULL, GREYLISTED
from tests.world.processes import family_of
from tests.world.rspamd import JUNK_BODY, REJECT_BODY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.plan import Provider
    from tests.world.world import World

PROVIDERS = ("gmail", "outlook", "yahoo")
ROUTES = ("primary", "fallback", "control")
ALL_PASS = {"spf": "pass", "dkim": "pass", "dmarc": "pass"}


def provider_of(world: World, name: str) -> Provider:
    return next(provider for provider in world.plan.providers() if provider.name == name)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("route", ROUTES)
def test_each_route_reaches_each_inbox_fully_authenticated(
    world: World, route: str, provider: str
) -> None:
    seed = world.seed(provider)
    found = courier.find(seed, courier.send(world.routes[route], seed.address))
    assert (found.folder, found.verdicts) == ("INBOX", ALL_PASS)
    assert f"s={world.routes[route].selector};" in str(found.message["DKIM-Signature"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_spam_text_lands_in_the_spam_folder(world: World, provider: str) -> None:
    seed = world.seed(provider)
    found = courier.find(seed, courier.send(world.routes["primary"], seed.address, JUNK_BODY))
    assert found.folder == seed.junk


def test_without_spf_the_mail_still_lands_for_dkim_carries_dmarc(world: World) -> None:
    seed = world.seed("gmail")
    with world.dns.edit("shop.test", "TXT", "v=spf1 -all"):
        found = courier.find(seed, courier.send(world.routes["primary"], seed.address))
    assert (found.folder, found.verdicts) == ("INBOX", ALL_PASS | {"spf": "fail"})


def test_without_spf_and_dkim_key_the_mail_is_quarantined(world: World) -> None:
    seed, route = world.seed("yahoo"), world.routes["primary"]
    with ExitStack() as broken:
        broken.enter_context(world.dns.edit("shop.test", "TXT", "v=spf1 -all"))
        broken.enter_context(world.dns.edit("s1._domainkey.shop.test", "TXT"))
        found = courier.find(seed, courier.send(route, seed.address))
    assert found.folder == seed.junk
    assert found.verdicts == {"spf": "fail", "dkim": "none", "dmarc": "fail"}


def test_an_unknown_recipient_is_rejected_by_550(world: World) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        courier.send_directly(world.routes["primary"], provider_of(world, "gmail"), "nobody")
    [(code, text)] = refused.value.recipients.values()
    assert (code, b"5.1.1" in text) == (550, True)


def test_an_outright_spam_text_is_rejected_by_554(world: World) -> None:
    gmail = provider_of(world, "gmail")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        courier.send_directly(world.routes["primary"], gmail, "probe1", REJECT_BODY)
    assert refused.value.smtp_code == 554


def test_a_rejection_by_the_provider_comes_back_to_the_route_as_a_bounce(world: World) -> None:
    before = len(world.bounces("fallback"))
    courier.send(world.routes["fallback"], "nobody@outlook.test")
    [bounce] = courier.await_value(lambda: world.bounces("fallback")[before:])
    assert bounce.get_content_type() == "multipart/report"
    assert "5.1.1" in bounce.as_string()


def test_a_full_mailbox_bounces_after_it_was_accepted(world: World) -> None:
    before = len(world.bounces("control"))
    courier.send(world.routes["control"], world.seed("gmail", FULL).address, "x" * 4000)
    [bounce] = courier.await_value(lambda: world.bounces("control")[before:])
    assert "5.2.2" in bounce.as_string()


def test_greylisting_defers_the_first_try_and_takes_the_next(world: World) -> None:
    seed = world.seed("outlook", GREYLISTED)
    world.policy.forget()
    mark = courier.send(world.routes["primary"], seed.address)
    found = courier.find(seed, mark)
    assert found.folder == "INBOX"
    log = world.relays["primary"].log().splitlines()
    assert any("450 4.7.1" in line and seed.address in line for line in log)


def test_a_provider_answers_what_a_story_asks_for(world: World) -> None:
    outlook = provider_of(world, "outlook")
    reply = "550 5.7.515 Access denied, sending domain does not meet the required level"
    with (
        world.policy.answer("outlook", reply),
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        courier.send_directly(world.routes["primary"], outlook, "probe1")
    [(code, text)] = refused.value.recipients.values()
    assert (code, text.startswith(b"5.7.515 ")) == (550, True)
    courier.send_directly(world.routes["primary"], outlook, "probe1")


def test_one_route_at_one_provider_goes_to_spam_and_recovers(world: World) -> None:
    routes, yahoo, gmail = world.routes, world.seed("yahoo"), world.seed("gmail")
    with world.rspamd.junk(route="primary", provider="yahoo"):
        judged = [
            courier.find(seed, courier.send(routes[route], seed.address)).folder
            for route, seed in (("primary", yahoo), ("fallback", yahoo), ("primary", gmail))
        ]
    assert judged == [yahoo.junk, "INBOX", "INBOX"]
    after = courier.find(yahoo, courier.send(routes["primary"], yahoo.address))
    assert after.folder == "INBOX"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("mechanism", ["oauth2_login", "oauthbearer_login"])
def test_a_token_opens_its_own_mailbox_only_until_it_expires(
    world: World, provider: str, mechanism: str
) -> None:
    seed, other = world.seed(provider), world.seed(provider, "probe2")

    def login(token: str) -> str:
        context = courier.trust(seed.ca_file)
        with IMAPClient(seed.host, seed.tls_port, ssl_context=context, timeout=10) as client:
            try:
                getattr(client, mechanism)(seed.address, token)
            except LoginError:
                return "refused"
            return "open" if client.select_folder("INBOX", readonly=True) else "no inbox"

    tokens = world.tokens
    assert login(tokens.token(seed.address)) == "open"
    assert login(tokens.token(seed.address, expires_in_s=-60)) == "refused"
    assert login(tokens.token(other.address)) == "refused"


def test_an_edit_of_the_zone_is_visible_at_once_and_taken_back(world: World) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [world.dns.address], world.dns.port

    def spf() -> str:
        return str(resolver.resolve("shop.test", "TXT")[0])

    before = spf()
    with world.dns.edit("shop.test", "TXT", "v=spf1 ?all"):
        assert spf() == '"v=spf1 ?all"'
    assert spf() == before


def test_dns_can_fail_and_can_say_nothing(world: World) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [world.dns.address], 5353, 0.5
    with pytest.raises(dns.resolver.NoNameservers):
        resolver.resolve("servfail.test", "TXT")
    resolver.nameservers = [world.dns.black_hole]
    with pytest.raises(dns.resolver.LifetimeTimeout):
        resolver.resolve("shop.test", "TXT")


def test_every_sending_address_has_a_name_that_leads_back(world: World) -> None:
    for seed in world.seeds[:1]:
        mark = courier.send(world.routes["primary"], seed.address)
        received = courier.find(seed, mark).message.get_all("Received", [])
        sender = f"from relay.shop.test (relay.shop.test [{world.routes['primary'].ip}])"
        assert any(str(line).startswith(sender) for line in received)


def test_a_stranger_ca_is_not_believed(world: World) -> None:
    seed = world.seed("gmail")
    with pytest.raises(ssl.SSLCertVerificationError):
        IMAPClient(seed.host, seed.tls_port, ssl_context=courier.trust(world.stranger_ca))


def test_a_kicked_connection_is_dead_and_a_new_one_works(world: World) -> None:
    seed = world.seed("gmail", "probe3")
    client = IMAPClient(seed.host, seed.tls_port, ssl_context=courier.trust(seed.ca_file))
    client.login(seed.address, seed.password)
    world.dovecot["gmail"].kick("probe3")
    with pytest.raises((IMAPClientError, OSError)):
        client.noop()
    client.shutdown()
    with courier.mailbox(seed) as again:
        again.noop()


def test_a_frozen_connection_is_silent_until_it_is_thawed(world: World) -> None:
    seed = world.seed("gmail", "probe3")
    with courier.mailbox(seed) as client:
        client.select_folder("INBOX", readonly=True)
        client.socket().settimeout(0.3)
        with world.dovecot["gmail"].freeze("probe3"), pytest.raises(TimeoutError):
            client.noop()
        client.shutdown()
        client._imap.state = "LOGOUT"


def test_a_changed_uidvalidity_is_served(world: World) -> None:
    seed = world.seed("yahoo", "probe3")
    fresh = world.dovecot["yahoo"].change_uidvalidity("probe3")
    with courier.mailbox(seed) as client:
        assert client.folder_status("INBOX", "UIDVALIDITY")[b"UIDVALIDITY"] == fresh


def test_a_stopped_provider_refuses_and_keeps_its_mail(world: World) -> None:
    seed, server = world.seed("outlook", "probe3"), world.dovecot["outlook"]
    mark = courier.send(world.routes["primary"], seed.address)
    courier.find(seed, mark)
    server.stop()
    with pytest.raises(ConnectionRefusedError), courier.mailbox(seed):
        pass
    server.start()
    server.await_ready()
    assert courier.find(seed, mark).folder == "INBOX"


def test_the_settings_of_the_world_are_valid_settings(world: World, tmp_path: Path) -> None:
    loading = pytest.importorskip("daemon.settings")
    settings = loading.load(world.settings(tmp_path, cadence={"primary": "10m"}))
    assert len(settings.seeds) == 9
    assert [route.name for route in settings.shops[0].routes] == ["primary", "fallback"]


def test_a_stopped_world_leaves_no_process_and_no_folder(world: World) -> None:
    second = real_world.start()
    assert second.plan.network != world.plan.network
    family = family_of(second.servers())
    assert len(family) > 40
    assert second.stop() == []
    assert not [process for process in family if psutil.pid_exists(process.pid)]
    assert not second.plan.folder.exists()
