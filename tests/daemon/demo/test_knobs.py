"""Each knob of a provider, the relays and the DNS does what it says, seen from outside."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import aiosmtplib
import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from daemon.demo.nameserver import DnsFault
from tests.daemon.demo.post import (
    PATIENCE_S,
    absent,
    find,
    log_in,
    look,
    mailbox,
    seed_of,
    send,
)

if TYPE_CHECKING:
    from daemon.demo.world import DemoWorld

SPAM = {"gmail": "[Gmail]/Spam", "outlook": "Junk Email", "yahoo": "Bulk Mail"}


async def folder_after(world: DemoWorld, route: str, name: str) -> str:
    provider = world.providers[name]
    return (await find(world, provider, await send(world, route, seed_of(provider)))).folder


@pytest.mark.parametrize("name", list(SPAM))
async def test_spam_is_filed_under_the_providers_own_name(world: DemoWorld, name: str) -> None:
    world.providers[name].file_as_spam(route="primary")
    assert await folder_after(world, "primary", name) == SPAM[name]
    assert await folder_after(world, "fallback", name) == "INBOX"
    world.recover()
    assert await folder_after(world, "primary", name) == "INBOX"


async def test_outlook_says_where_it_delivered(world: DemoWorld) -> None:
    outlook = world.providers["outlook"]
    field = "X-Microsoft-Antispam-Mailbox-Delivery"
    inbox = await find(world, outlook, await send(world, "primary", seed_of(outlook)))
    outlook.file_as_spam("primary")
    junk = await find(world, outlook, await send(world, "primary", seed_of(outlook)))
    assert ";dest:I;" in inbox.headers[field]
    assert ";dest:J;" in junk.headers[field]


async def test_a_tab_is_found_by_gmails_category_search_alone(world: DemoWorld) -> None:
    gmail = world.providers["gmail"]
    gmail.file_under_tab("primary", "promotions")
    tabbed = await find(world, gmail, await send(world, "primary", seed_of(gmail)))
    primary = await find(world, gmail, await send(world, "fallback", seed_of(gmail)))
    assert tabbed.folder == primary.folder == "INBOX"

    def in_category(category: str) -> list[int]:
        with mailbox(world, gmail, seed_of(gmail)) as client:
            client.select_folder("INBOX", readonly=True)
            uids: list[int] = client.search(["X-GM-RAW", f"category:{category}"])
            among: list[int] = client.search(
                ["UID", f"{primary.uid},{tabbed.uid}", "X-GM-RAW", f"category:{category}"]
            )
            assert uids == among
            return uids

    assert await asyncio.to_thread(in_category, "promotions") == [tabbed.uid]
    assert await asyncio.to_thread(in_category, "updates") == []


async def test_mail_held_back_is_accepted_and_appears_later(world: DemoWorld) -> None:
    yahoo = world.providers["yahoo"]
    yahoo.hold("primary", 3600)
    held = await send(world, "primary", seed_of(yahoo))
    yahoo.hold("primary", 0.1)
    late = await send(world, "primary", seed_of(yahoo))
    assert (await find(world, yahoo, late)).folder == "INBOX"
    assert await absent(world, yahoo, held)


async def test_a_refusal_reaches_the_submitter_word_for_word(world: DemoWorld) -> None:
    gmail = world.providers["gmail"]
    text = "5.7.1 Our system has doubts\n5.7.1 about this sender. - gsmtp"
    gmail.reject("primary", 550, text)
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(world, "primary", seed_of(gmail))
    assert (refused.value.code, refused.value.message) == (550, text)
    assert await folder_after(world, "fallback", "gmail") == "INBOX"


async def test_a_locked_seed_refuses_login_and_loses_its_sessions(world: DemoWorld) -> None:
    gmail = world.providers["gmail"]
    seed = seed_of(gmail)
    opened, locked = threading.Event(), threading.Event()

    def watch() -> type[Exception] | None:
        with mailbox(world, gmail, seed) as client:
            client.noop()
            opened.set()
            locked.wait(PATIENCE_S)
            try:
                client.noop()
            except (OSError, IMAPClient.AbortError) as error:
                return type(error)
            return None

    watching = asyncio.create_task(asyncio.to_thread(watch))
    await asyncio.to_thread(opened.wait, PATIENCE_S)
    gmail.lock(seed)
    locked.set()
    assert await watching is not None
    with pytest.raises(LoginError):
        await asyncio.to_thread(log_in, world, gmail, seed)
    message_id = await send(world, "primary", seed)
    world.recover()
    assert (await find(world, gmail, message_id)).folder == "INBOX"


async def test_a_broken_dkim_key_sends_the_unaligned_route_to_spam(world: DemoWorld) -> None:
    world.break_dkim("primary")
    for name, provider in world.providers.items():
        found = await find(world, provider, await send(world, "primary", seed_of(provider)))
        assert found.folder == SPAM[name]
        assert "spf=pass" in found.results
        assert "dkim=fail" in found.results
        assert "dmarc=fail (p=quarantine)" in found.results
    world.recover()
    assert await folder_after(world, "primary", "yahoo") == "INBOX"


async def test_the_aligned_route_survives_a_broken_dkim_key(world: DemoWorld) -> None:
    world.break_dkim("fallback")
    gmail = world.providers["gmail"]
    found = await find(world, gmail, await send(world, "fallback", seed_of(gmail)))
    assert found.folder == "INBOX"
    assert "dkim=fail" in found.results
    assert "dmarc=pass" in found.results


async def test_a_policy_of_reject_refuses_what_fails(world: DemoWorld) -> None:
    world.break_dkim("primary")
    world.zone.publish("_dmarc.saffron.test", "TXT", "v=DMARC1; p=reject")
    with pytest.raises(aiosmtplib.SMTPResponseException, match=r"5\.7\.26 saffron\.test"):
        await send(world, "primary", "seed1@gmail.test")


@pytest.mark.parametrize(
    ("fault", "result"),
    [(DnsFault.SERVFAIL, "temperror"), (DnsFault.NXDOMAIN, "permerror")],
)
async def test_a_fault_of_the_dns_shows_in_the_verdict(
    world: DemoWorld, fault: DnsFault, result: str
) -> None:
    world.zone.fail(world.relays["primary"].sender.key_name, fault)
    gmail = world.providers["gmail"]
    found = await find(world, gmail, await send(world, "primary", seed_of(gmail)))
    assert f"dkim={result}" in found.results


async def test_a_foreign_client_address_fails_spf(world: DemoWorld) -> None:
    world.zone.publish("mailer.test", "TXT", "v=spf1 ip4:192.0.2.0/24 -all")
    gmail = world.providers["gmail"]
    found = await find(world, gmail, await send(world, "primary", seed_of(gmail)))
    assert "spf=fail" in found.results


async def test_idle_announces_new_mail_where_it_is_offered(world: DemoWorld) -> None:
    outlook = world.providers["outlook"]
    idling = threading.Event()

    def wait_for_mail() -> list[object]:
        with mailbox(world, outlook, seed_of(outlook)) as client:
            client.select_folder("INBOX", readonly=True)
            client.idle()
            idling.set()
            notices: list[object] = client.idle_check(timeout=PATIENCE_S)
            client.idle_done()
            return notices

    waiting = asyncio.create_task(asyncio.to_thread(wait_for_mail))
    await asyncio.to_thread(idling.wait, PATIENCE_S)
    await send(world, "primary", seed_of(outlook))
    assert (1, b"EXISTS") in await waiting


@pytest.mark.parametrize(
    ("name", "idle", "special"),
    [("gmail", True, b"\\Junk"), ("outlook", True, None), ("yahoo", False, None)],
)
async def test_each_provider_speaks_its_own_imap(
    world: DemoWorld, name: str, *, idle: bool, special: bytes | None
) -> None:
    provider = world.providers[name]

    def ask() -> tuple[bool, bool, bytes | None]:
        with mailbox(world, provider, seed_of(provider)) as client:
            flags = {folder: flags for flags, _, folder in client.list_folders()}
            uses = [flag for flag in flags[SPAM[name]] if not flag.startswith(b"\\Has")]
            can = client.has_capability
            return can("IDLE"), can("SPECIAL-USE"), uses[0] if uses else None

    assert await asyncio.to_thread(ask) == (idle, special is not None, special)


async def test_yahoo_refuses_idle_that_it_never_offered(world: DemoWorld) -> None:
    yahoo = world.providers["yahoo"]

    def idle() -> None:
        with mailbox(world, yahoo, seed_of(yahoo)) as client:
            client.select_folder("INBOX", readonly=True)
            client._imap.send(b"A1 IDLE\r\n")
            answer = client._imap.readline()
            assert answer.startswith(b"A1 BAD")

    await asyncio.to_thread(idle)


async def test_looking_marks_nothing(world: DemoWorld) -> None:
    gmail = world.providers["gmail"]
    message_id = await send(world, "primary", seed_of(gmail))

    def flags_after_looking() -> tuple[bytes, ...]:
        with mailbox(world, gmail, seed_of(gmail)) as client:
            found = look(client, message_id)
            assert found is not None
            client.select_folder("INBOX", readonly=True)
            flags: tuple[bytes, ...] = client.get_flags(found.uid)[found.uid]
            return flags

    assert b"\\Seen" not in await asyncio.to_thread(flags_after_looking)
