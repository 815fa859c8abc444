"""Seeds at a real IMAP server: logins that fail, connections that die, folders numbered anew."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from probes.endpoint import Bearer, Password, Tls
from probes.mailbox import LoginRefused, Mailbox, MailboxError, Unreachable
from probes.observation import FolderRole, Placement
from probes.replies import ReplyKind, classify
from probes.submission import Outcome, Stage
from tests.stories.errand import KEY, account, find, hand_in, reading, sight
from tests.world import courier

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.world.world import World

PROVIDERS = ("gmail", "outlook", "yahoo")
HURT = "probe3"  # whose connections these stories cut


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_spam_folder_of_each_provider_is_known_and_can_be_read(
    world: World, provider: str
) -> None:
    seed = world.seed(provider)
    with reading(account(seed)) as mailbox:
        assert mailbox.folders[seed.junk] is FolderRole.SPAM
        assert seed.junk in mailbox.prove_spam_readable()


def test_a_wrong_password_is_refused_in_words_without_the_password(world: World) -> None:
    seed = world.seed("gmail")
    wrong = account(seed, login=Password(seed.address, "wrong-secret-word"))
    with pytest.raises(LoginRefused) as refusal:
        Mailbox(wrong, key=KEY).open()
    assert refusal.value.retry_after_s is None
    assert "wrong-secret-word" not in str(refusal.value)


async def test_a_route_with_a_wrong_password_is_told_from_a_refused_mail(world: World) -> None:
    route = world.routes["primary"]
    login = Password(route.username, "wrong-secret-word")
    refused = (await hand_in(world.seed("gmail"), route, login=login)).submission
    assert (refused.outcome, refused.stage) == (Outcome.REJECTED, Stage.LOGIN)
    reply = classify("gmail", refused.code, refused.enhanced, refused.text)
    assert reply.kind is ReplyKind.AUTH


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_access_token_opens_the_mailbox(world: World, provider: str) -> None:
    seed = world.seed(provider)
    bearer = Bearer(seed.address, lambda: world.tokens.token(seed.address))
    with reading(account(seed, login=bearer)) as mailbox:
        assert mailbox.look().commands > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_expired_access_token_is_a_refused_login(world: World, provider: str) -> None:
    seed = world.seed(provider)
    bearer = Bearer(seed.address, lambda: world.tokens.token(seed.address, expires_in_s=-60))
    with pytest.raises(LoginRefused):
        Mailbox(account(seed, login=bearer), key=KEY).open()


def test_a_private_ca_is_believed_by_starttls_too(world: World) -> None:
    with reading(account(world.seed("outlook"), tls=Tls.STARTTLS)) as mailbox:
        assert mailbox.look().commands > 0


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
def test_an_unknown_ca_is_an_error_that_says_what_to_do(world: World, tls: Tls) -> None:
    stranger = account(world.seed("gmail"), tls=tls, ca_file=world.stranger_ca)
    with pytest.raises(Unreachable, match="ca_file"):
        Mailbox(stranger, key=KEY).open()


async def test_a_receipt_that_arrives_during_idle_ends_the_wait(world: World) -> None:
    seed = world.seed("gmail", "probe2")
    with reading(account(seed)) as mailbox:
        mailbox.look()
        errand = await hand_in(seed, world.routes["primary"])
        assert mailbox.wait(courier.ARRIVAL_SECONDS)
        assert sight(mailbox, errand.probe).placement is Placement.INBOX


def while_it_waits(mailbox: Mailbox, act: Callable[[], None]) -> MailboxError:
    """The error that a wait ends with when `act` happens shortly after it began."""
    timer = threading.Timer(0.3, act)
    timer.start()
    try:
        with pytest.raises(MailboxError) as ended:
            mailbox.wait(3)
    finally:
        timer.join()
    return ended.value


async def test_a_connection_killed_during_idle_is_opened_anew_and_nothing_is_lost(
    world: World,
) -> None:
    seed = world.seed("gmail", HURT)
    with reading(account(seed)) as mailbox:
        mailbox.look()
        died = while_it_waits(mailbox, lambda: world.dovecot["gmail"].kick(HURT))
        assert isinstance(died, Unreachable)
        errand = await hand_in(seed, world.routes["primary"])
        mailbox.open()
        assert sight(mailbox, errand.probe).placement is Placement.INBOX


async def test_a_connection_frozen_during_idle_is_given_up_and_opened_anew(world: World) -> None:
    seed, server = world.seed("outlook", HURT), world.dovecot["outlook"]
    with reading(account(seed, timeout_s=1.0)) as mailbox:
        mailbox.look()
        with server.freeze(HURT):
            with pytest.raises(MailboxError, match="no answer in time"):
                mailbox.wait(0.5)
            errand = await hand_in(seed, world.routes["primary"])
            mailbox.open()
            assert sight(mailbox, errand.probe).placement is Placement.INBOX


async def test_a_folder_numbered_anew_is_read_again_and_nothing_is_lost(world: World) -> None:
    seed = world.seed("yahoo", HURT)
    with reading(account(seed)) as mailbox:
        first = await hand_in(seed, world.routes["primary"])
        before = sight(mailbox, first.probe).location
        fresh = world.dovecot["yahoo"].change_uidvalidity(HURT)
        mailbox.open()
        second = await hand_in(seed, world.routes["primary"])
        after = sight(mailbox, second.probe).location
    assert (before.uidvalidity != fresh, after.uidvalidity) == (True, fresh)


async def test_a_provider_that_is_down_is_unreachable_and_catches_up(world: World) -> None:
    seed, server = world.seed("outlook", HURT), world.dovecot["outlook"]
    server.stop()
    try:
        with pytest.raises(Unreachable):
            Mailbox(account(seed), key=KEY).open()
        errand = await hand_in(seed, world.routes["primary"])
    finally:
        server.start()
        server.await_ready()
    assert find(errand).placement is Placement.INBOX


async def test_a_receipt_that_a_person_moved_is_located_again(world: World) -> None:
    seed = world.seed("gmail", "probe2")
    errand = await hand_in(seed, world.routes["primary"])
    sighting = find(errand)
    with courier.mailbox(seed) as person:
        person.select_folder("INBOX")
        person.move([sighting.location.uid], seed.junk)
    with reading(account(seed)) as mailbox:
        located = mailbox.locate(errand.probe, sighting.location)
    assert located
    assert (located[0], located[2].folder) == (Placement.SPAM, seed.junk)
