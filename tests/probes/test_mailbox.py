from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daemon.demo.pki import Authority
from probes import token
from probes.endpoint import Bearer, Endpoint, Password, Tls
from probes.mailbox import (
    Account,
    Cursor,
    LoginRefused,
    Mailbox,
    MailboxError,
    ProtocolTrouble,
    Unreachable,
)
from probes.mailboxes import gmail, outlook, plain_imap, yahoo
from probes.observation import FolderRole, Location, MatchedBy, Placement
from tests.probes.imap_script import EXCHANGE, GMAIL, YAHOO, Persona, ScriptedImap
from tests.probes.seeded_mail import ADDRESS, KEY, receipt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from probes.endpoint import Login
    from probes.mailbox_kind import MailboxKind

STARTTLS_GMAIL = replace(GMAIL, capabilities=f"{GMAIL.capabilities} STARTTLS")
KINDS = {"gmail": gmail.MAILBOX, "outlook": outlook.MAILBOX, "yahoo": yahoo.MAILBOX}
PERSONAS = {"gmail": GMAIL, "outlook": EXCHANGE, "yahoo": YAHOO}
GMAIL_SPAM, GMAIL_ALL = "[Gmail]/هرزنامه", "[Gmail]/همهٔ نامه‌ها"
PASSWORD = Password(ADDRESS, "open sesame")


@pytest.fixture(params=list(PERSONAS))
def any_server(request: pytest.FixtureRequest) -> Iterator[ScriptedImap]:
    with ScriptedImap(PERSONAS[request.param]) as server:
        yield server
    assert not server.violations


@pytest.fixture
def google() -> Iterator[ScriptedImap]:
    with ScriptedImap(GMAIL) as server:
        yield server
    assert not server.violations


@pytest.fixture
def exchange() -> Iterator[ScriptedImap]:
    with ScriptedImap(EXCHANGE) as server:
        yield server
    assert not server.violations


@pytest.fixture
def yahoos() -> Iterator[ScriptedImap]:
    with ScriptedImap(YAHOO) as server:
        yield server
    assert not server.violations


def account(
    server: ScriptedImap,
    *,
    kind: MailboxKind | None = None,
    login: Login = PASSWORD,
    timeout_s: float = 10.0,
) -> Account:
    endpoint = Endpoint("127.0.0.1", server.port, Tls.NONE, timeout_s=timeout_s)
    return Account("seed-1", ADDRESS, kind or KINDS[server.persona.name], endpoint, login)


@pytest.fixture
def opened() -> Iterator[Opener]:
    opener = Opener()
    yield opener
    opener.close()


class Opener:
    """Opens mailboxes of scripted servers, and closes them when the test is over."""

    def __init__(self) -> None:
        self.mailboxes: list[Mailbox] = []

    def __call__(
        self,
        server: ScriptedImap,
        *,
        kind: MailboxKind | None = None,
        cursors: dict[str, Cursor] | None = None,
        timeout_s: float = 10.0,
        raw_cap: int = 2_000_000,
    ) -> Mailbox:
        mailbox = Mailbox(
            account(server, kind=kind, timeout_s=timeout_s),
            key=KEY,
            cursors=cursors or {},
            raw_cap=raw_cap,
        )
        self.mailboxes.append(mailbox)
        mailbox.open()
        return mailbox

    def close(self) -> None:
        for mailbox in self.mailboxes:
            mailbox.close()


def test_a_probe_in_the_inbox_is_found_with_all_that_is_to_know(
    any_server: ScriptedImap, opened: Opener
) -> None:
    probe = token.new_id()
    raw = receipt(probe)
    arrived = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    mailbox = opened(any_server, cursors={"INBOX": Cursor(1000, 1)})
    uid = any_server.deliver("INBOX", raw, arrived=arrived)
    [sighting] = mailbox.look().sightings
    assert (sighting.probe, sighting.seed) == (probe, "seed-1")
    assert sighting.placement is Placement.INBOX
    assert sighting.matched_by is MatchedBy.MESSAGE_ID
    assert sighting.location == Location("INBOX", 1000, uid)
    assert sighting.raw == raw
    assert (sighting.size, sighting.truncated) == (len(raw), False)
    assert sighting.internal_date == arrived
    assert sighting.internal_date.tzinfo is UTC


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_mail_of_the_hour_that_summer_time_repeats_keeps_its_time(
    google: ScriptedImap, opened: Opener
) -> None:
    second_half_past_two = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    mailbox = opened(google, cursors={"INBOX": Cursor(1000, 1)})
    google.deliver("INBOX", receipt(token.new_id()), arrived=second_half_past_two)
    [sighting] = mailbox.look().sightings
    assert sighting.internal_date == second_half_past_two


@pytest.mark.parametrize(
    ("persona", "spam"), [(GMAIL, GMAIL_SPAM), (EXCHANGE, "Junk Email"), (YAHOO, "Bulk Mail")]
)
def test_spam_is_found_in_every_provider_s_own_folder(
    persona: Persona, spam: str, opened: Opener
) -> None:
    with ScriptedImap(persona) as server:
        mailbox = opened(server)
        probe = token.new_id()
        server.deliver(spam, receipt(probe))
        [sighting] = mailbox.look().sightings
        assert (sighting.probe, sighting.placement) == (probe, Placement.SPAM)
        assert mailbox.folders[spam] is FolderRole.SPAM
        assert not server.violations


def test_a_gmail_category_is_a_tab_and_never_turns_spam_into_one(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    updates, plain, spam = token.new_id(), token.new_id(), token.new_id()
    google.deliver("INBOX", receipt(updates), categories=("purchases", "updates"))
    google.deliver("INBOX", receipt(plain))
    google.deliver(GMAIL_SPAM, receipt(spam), categories=("promotions",))
    found = {s.probe: s for s in mailbox.look().sightings}
    assert (found[updates].placement, found[updates].tab) == (Placement.TAB, "updates")
    assert found[updates].explanation == ("Gmail also files it under purchases.",)
    assert (found[plain].placement, found[plain].tab) == (Placement.INBOX, None)
    assert (found[spam].placement, found[spam].tab) == (Placement.SPAM, None)


def test_a_server_without_gmail_s_extension_is_never_asked_for_categories(
    exchange: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(exchange, kind=gmail.MAILBOX)
    exchange.deliver("INBOX", receipt(token.new_id()))
    assert len(mailbox.look().sightings) == 1
    assert not [command for command in exchange.commands if "X-GM" in command]


def test_no_search_names_a_charset(any_server: ScriptedImap, opened: Opener) -> None:
    any_server.deliver("INBOX", receipt(token.new_id()))
    opened(any_server).look(everywhere=True)
    searches = [command for command in any_server.commands if "SEARCH" in command]
    assert searches
    assert not [command for command in searches if "CHARSET" in command]


def test_the_number_of_commands_does_not_grow_with_the_number_of_probes(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    mailbox.look()
    google.deliver("INBOX", receipt(token.new_id()))
    one = mailbox.look()
    for _ in range(200):
        google.deliver("INBOX", receipt(token.new_id()))
    many = mailbox.look()
    assert len(many.sightings) == 200
    assert many.commands == one.commands
    assert many.commands / len(many.sightings) < 0.2


def test_what_was_read_is_not_read_again(any_server: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(any_server)
    any_server.deliver("INBOX", receipt(token.new_id()))
    first = mailbox.look()
    again = mailbox.look()
    assert (len(first.sightings), len(again.sightings)) == (1, 0)
    assert again.cursors["INBOX"] == first.cursors["INBOX"] == Cursor(1000, 2)
    restarted = opened(any_server, cursors=dict(first.cursors))
    late = token.new_id()
    any_server.deliver("INBOX", receipt(late))
    assert [s.probe for s in restarted.look().sightings] == [late]


def test_a_message_that_vanished_again_does_not_bring_back_the_one_before_it(
    any_server: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(any_server)
    any_server.deliver("INBOX", receipt(token.new_id()))
    assert len(mailbox.look().sightings) == 1
    any_server.folders["INBOX"].messages.pop(any_server.deliver("INBOX", b"\r\n"))
    assert mailbox.look().sightings == ()


def test_the_first_look_reads_recent_mail_only(any_server: ScriptedImap, opened: Opener) -> None:
    recent = token.new_id()
    old = datetime.now(UTC) - timedelta(days=10)
    any_server.deliver("INBOX", receipt(token.new_id()), arrived=old)
    any_server.deliver("INBOX", receipt(recent))
    assert [s.probe for s in opened(any_server).look().sightings] == [recent]


def test_a_new_uidvalidity_makes_recent_mail_be_read_again(
    any_server: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(any_server)
    for _ in range(5):
        any_server.deliver("INBOX", b"Subject: other\r\n\r\n")
    probe = token.new_id()
    any_server.deliver("INBOX", receipt(probe))
    mailbox.look()
    del any_server.folders["INBOX"].messages[1]
    any_server.renumber("INBOX")
    look = mailbox.look()
    assert [s.location for s in look.sightings] == [Location("INBOX", 1007, 5)]
    assert look.cursors["INBOX"] == Cursor(1007, 6)


def test_a_look_that_breaks_off_loses_nothing(google: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(google)
    probe = token.new_id()
    google.deliver(GMAIL_SPAM, receipt(probe))
    google.instead["EXAMINE INBOX"] = google.instead['EXAMINE "INBOX"'] = "NO not now"
    with pytest.raises(ProtocolTrouble, match="not now"):
        mailbox.look()
    google.instead.clear()
    assert [s.probe for s in mailbox.look().sightings] == [probe]


def test_mail_that_a_filter_filed_elsewhere_is_found_by_looking_everywhere(
    exchange: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(exchange)
    probe = token.new_id()
    exchange.deliver("Archive", receipt(probe))
    assert mailbox.look().sightings == ()
    [sighting] = mailbox.look(everywhere=True).sightings
    assert (sighting.probe, sighting.placement) == (probe, Placement.OTHER)
    assert sighting.location.folder == "Archive"


def test_gmail_s_all_mail_shows_what_skipped_the_inbox_and_nothing_twice(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    inboxed, archived = token.new_id(), token.new_id()
    google.deliver("INBOX", receipt(inboxed))
    google.deliver(GMAIL_ALL, receipt(inboxed), labels=("\\Inbox", "\\Important"))
    google.deliver(GMAIL_ALL, receipt(archived), labels=("Receipts",))
    assert [s.probe for s in mailbox.look().sightings] == [inboxed]
    assert [s.probe for s in mailbox.look(everywhere=True).sightings] == [archived]


def test_mail_that_the_account_itself_sent_is_no_sighting(
    google: ScriptedImap, opened: Opener
) -> None:
    google.deliver("[Gmail]/ارسال‌شده", receipt(token.new_id()))
    assert opened(google).look(everywhere=True).sightings == ()


def test_strangers_and_forgeries_are_counted_and_never_sighted(
    any_server: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(any_server)
    probe = token.new_id()
    any_server.deliver("INBOX", b"Subject: hello\r\nTo: %s\r\n\r\nhello\r\n" % ADDRESS.encode())
    any_server.deliver("INBOX", receipt(probe, signed_for="somebody@else.test"))
    any_server.deliver("INBOX", receipt(probe, key=b"another key, quite long"))
    any_server.deliver("INBOX", receipt(probe, to="somebody@else.test"))
    look = mailbox.look()
    assert look.sightings == ()
    assert (look.strangers, look.forged) == (1, 3)


@pytest.mark.parametrize(
    ("places", "by"),
    [
        (("x-microsoft-original-message-id",), MatchedBy.MESSAGE_ID),
        (("x-order-ref",), MatchedBy.HEADER),
        (("subject",), MatchedBy.SUBJECT),
        (("encoded-subject",), MatchedBy.SUBJECT),
        (("body",), MatchedBy.BODY),
        (("base64-body",), MatchedBy.BODY),
        (("soft-broken-body",), MatchedBy.BODY),
    ],
)
def test_a_probe_is_recognised_when_relays_rewrote_the_rest(
    google: ScriptedImap, opened: Opener, places: tuple[str, ...], by: MatchedBy
) -> None:
    probe = token.new_id()
    google.deliver("INBOX", receipt(probe, places=places))
    [sighting] = opened(google).look().sightings
    assert (sighting.probe, sighting.matched_by) == (probe, by)


def test_a_large_message_is_cut_and_says_so(google: ScriptedImap, opened: Opener) -> None:
    raw = receipt(token.new_id(), body=b"x" * 5000)
    google.deliver("INBOX", raw)
    [sighting] = opened(google, raw_cap=1000).look().sightings
    assert (sighting.raw, sighting.truncated, sighting.size) == (raw[:1000], True, len(raw))


def test_outlook_s_own_words_explain_the_folder(exchange: ScriptedImap, opened: Opener) -> None:
    exchange.deliver(
        "Junk Email",
        receipt(
            token.new_id(),
            extra=b"X-Microsoft-Antispam-Mailbox-Delivery: ucf:0;jmr:0;auth:1;dest:I;OFR:x;\r\n",
        ),
    )
    [sighting] = opened(exchange).look().sightings
    assert sighting.placement is Placement.SPAM
    assert sighting.explanation == (
        "Outlook delivered it to the inbox (dest:I).",
        "It is in the spam folder now, so it was moved after the delivery.",
    )


def test_the_provider_s_own_received_line_tells_the_time_of_arrival(
    google: ScriptedImap, opened: Opener
) -> None:
    trace = (
        b"Received: from mail.shop.test (mail.shop.test. [192.0.2.7]) by mx.google.com with ESMTPS"
        b" id x1; Sat, 21 Nov 2026 15:00:02 -0800 (PST)\r\n"
    )
    google.deliver("INBOX", trace + receipt(token.new_id()))
    [sighting] = opened(google).look().sightings
    assert sighting.received_at == datetime(2026, 11, 21, 23, 0, 2, tzinfo=UTC)


def test_locate_says_still_there_moved_or_gone(any_server: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(any_server)
    spam = next(name for name, role in mailbox.folders.items() if role is FolderRole.SPAM)
    probe = token.new_id()
    uid = any_server.deliver("INBOX", receipt(probe))
    [sighting] = mailbox.look().sightings
    assert mailbox.locate(probe, sighting.location) == (Placement.INBOX, None, sighting.location)
    moved = any_server.move(uid, "INBOX", spam)
    there = Location(spam, any_server.folders[spam].uidvalidity, moved)
    assert mailbox.locate(probe, sighting.location) == (Placement.SPAM, None, there)
    any_server.folders[spam].messages.clear()
    assert mailbox.locate(probe, sighting.location) is None


def test_locate_finds_a_probe_again_when_uids_changed(google: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(google)
    google.deliver("INBOX", b"Subject: other\r\n\r\n")
    probe = token.new_id()
    google.deliver("INBOX", receipt(probe), categories=("promotions",))
    [sighting] = mailbox.look().sightings
    del google.folders["INBOX"].messages[1]
    google.renumber("INBOX")
    assert mailbox.locate(probe, sighting.location) == (
        Placement.TAB,
        "promotions",
        Location("INBOX", 1007, 1),
    )


def test_idle_wakes_when_mail_arrives(google: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(google)
    mailbox.look()
    probe = token.new_id()

    def deliver() -> None:
        google.await_idling()
        google.deliver("INBOX", receipt(probe))

    sender = threading.Thread(target=deliver)
    sender.start()
    assert mailbox.wait(30) is True
    sender.join()
    assert [s.probe for s in mailbox.look().sightings] == [probe]


def test_mail_that_came_between_look_and_idle_wakes_at_once(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    mailbox.look()
    google.deliver("INBOX", receipt(token.new_id()))
    started = datetime.now(UTC)
    assert mailbox.wait(30) is True
    assert datetime.now(UTC) - started < timedelta(seconds=20)


def test_mail_that_came_before_another_command_wakes_at_once(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    probe = token.new_id()
    google.deliver("INBOX", receipt(probe))
    [sighting] = mailbox.look().sightings
    google.deliver("INBOX", receipt(token.new_id()))
    assert mailbox.locate(probe, sighting.location) is not None
    assert mailbox.wait(30) is True
    assert "IDLE" not in google.commands


def test_mail_that_came_and_vanished_does_not_wake_for_ever(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    mailbox.look()
    google.folders["INBOX"].messages.pop(google.deliver("INBOX", b"\r\n"))
    mailbox.look()
    assert mailbox.wait(0.05) is False
    assert "IDLE" in google.commands


def test_a_keep_alive_is_no_news(google: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(google)
    mailbox.look()

    def chatter() -> None:
        google.await_idling()
        for talk in list(google.idling):
            talk.say("* OK Still here")

    sender = threading.Thread(target=chatter)
    sender.start()
    assert mailbox.wait(1) is False
    sender.join()


def test_a_wait_ends_when_interrupted(any_server: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(any_server)
    mailbox.look()
    waker = threading.Timer(0.2, mailbox.interrupt)
    waker.start()
    started = datetime.now(UTC)
    assert mailbox.wait(60) is False
    assert datetime.now(UTC) - started < timedelta(seconds=30)
    waker.join()
    assert mailbox.look().sightings == ()


def test_yahoo_is_never_asked_to_idle(yahoos: ScriptedImap, opened: Opener) -> None:
    assert opened(yahoos).wait(0.05) is False
    assert "IDLE" not in yahoos.commands


def test_a_connection_that_dies_during_idle_is_noticed(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    mailbox.look()

    def die() -> None:
        google.await_idling()
        google.drop()

    killer = threading.Thread(target=die)
    killer.start()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{google.port}"):
        mailbox.wait(60)
    killer.join()


def test_a_server_that_freezes_during_idle_is_noticed(google: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(google, timeout_s=0.5)
    mailbox.look()
    google.frozen.set()
    with pytest.raises(ProtocolTrouble, match="no answer in time"):
        mailbox.wait(0.2)


def test_a_frozen_server_is_noticed_during_a_look(any_server: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(any_server, timeout_s=0.3)
    any_server.frozen.set()
    with pytest.raises(ProtocolTrouble, match="no answer in time"):
        mailbox.look()


def test_bye_is_told_in_the_server_s_own_words(any_server: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(any_server)
    any_server.instead["NOOP"] = "* BYE Server shutting down"
    with pytest.raises(ProtocolTrouble, match="ended the connection: Server shutting down"):
        mailbox.look()


def test_bye_during_idle_is_told_in_the_server_s_own_words(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    mailbox.look()

    def dismiss() -> None:
        google.await_idling()
        for talk in list(google.idling):
            talk.say("* BYE Session expired, please login again")
        google.drop()

    killer = threading.Thread(target=dismiss)
    killer.start()
    with pytest.raises(ProtocolTrouble, match="Session expired, please login again"):
        mailbox.wait(60)
    killer.join()


@pytest.mark.parametrize(
    ("persona", "command", "answer"),
    [
        (YAHOO, "EXAMINE", "NO [LIMIT] EXAMINE Rate limit hit"),
        (EXCHANGE, "EXAMINE", "BAD User is authenticated but not connected."),
        (GMAIL, "AUTHENTICATE", "NO [ALERT] Too many simultaneous connections. (Failure)"),
        (YAHOO, "AUTHENTICATE", "NO [UNAVAILABLE] Server error, please try later"),
    ],
)
def test_a_limit_is_no_refused_login_and_names_when_to_come_back(
    persona: Persona, command: str, answer: str, opened: Opener
) -> None:
    with ScriptedImap(persona) as server:
        server.instead[command] = answer
        with pytest.raises(ProtocolTrouble, match="limiting this account") as caught:
            opened(server).look()
        assert caught.value.retry_after_s == 900
        assert answer.split(" ", 1)[1][:20] in caught.value.sentence


def test_gmail_s_throttled_success_is_heard(google: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(google)
    google.deliver("INBOX", receipt(token.new_id()))
    google.behind["FETCH"] = "OK Success [THROTTLED]"
    with pytest.raises(ProtocolTrouble, match=r"\[THROTTLED\]") as caught:
        mailbox.look()
    assert caught.value.retry_after_s == 900


def test_a_message_that_says_throttled_throttles_nobody(
    google: ScriptedImap, opened: Opener
) -> None:
    google.deliver("INBOX", b"Subject: [THROTTLED]\r\n\r\n* BYE\r\na1 OK [THROTTLED]\r\n")
    assert opened(google).look().strangers == 1


def test_a_wrong_password_is_refused_and_not_repeated(
    any_server: ScriptedImap, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Password(ADDRESS, "wr0ng-secret")
    mailbox = Mailbox(account(any_server, login=wrong), key=KEY)
    with caplog.at_level(logging.DEBUG), pytest.raises(LoginRefused) as caught:
        mailbox.open()
    mailbox.close()
    assert "Invalid credentials (Failure)" in caught.value.sentence
    assert caught.value.retry_after_s is None
    assert "wr0ng-secret" not in caught.value.sentence + repr(wrong) + caplog.text
    assert [c for c in any_server.commands if c.startswith("AUTH")] == ["AUTHENTICATE PLAIN"]


def test_exchange_s_closed_basic_login_is_told_in_its_own_words(exchange: ScriptedImap) -> None:
    exchange.instead["AUTHENTICATE PLAIN"] = "NO Basic authentication is disabled."
    with pytest.raises(LoginRefused, match="Basic authentication is disabled"):
        Mailbox(account(exchange), key=KEY).open()


def test_a_server_that_repeats_the_password_does_not_get_it_into_the_sentence(
    google: ScriptedImap,
) -> None:
    google.instead["AUTHENTICATE"] = "BAD what is open sesame"
    with pytest.raises(LoginRefused) as caught:
        Mailbox(account(google), key=KEY).open()
    assert "open sesame" not in caught.value.sentence


def test_an_access_token_logs_in_and_a_bad_one_is_refused_with_its_status(
    google: ScriptedImap,
) -> None:
    good = Mailbox(account(google, login=Bearer(ADDRESS, lambda: "open sesame")), key=KEY)
    good.open()
    good.close()
    refused: list[str] = []
    login = Bearer(ADDRESS, lambda: "stale", refused.append)
    stale = Mailbox(account(google, login=login), key=KEY)
    with pytest.raises(LoginRefused, match="status 400"):
        stale.open()
    assert refused == ["stale"]


def test_what_the_greeting_offers_is_not_taken_for_what_holds_after_login(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google)
    google.deliver("INBOX", receipt(token.new_id()), categories=("social",))
    [sighting] = mailbox.look().sightings
    assert sighting.tab == "social"


def test_onboarding_reads_the_spam_folder(any_server: ScriptedImap, opened: Opener) -> None:
    mailbox = opened(any_server)
    spam = next(name for name, role in mailbox.folders.items() if role is FolderRole.SPAM)
    any_server.deliver(spam, b"Subject: win\r\n\r\n")
    assert f"{spam} (1 messages)" in mailbox.prove_spam_readable()


def test_onboarding_fails_when_the_user_hides_spam_from_imap(
    google: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(google, kind=gmail.MAILBOX)
    del google.persona.folders[GMAIL_SPAM]
    try:
        mailbox.open()
        with pytest.raises(MailboxError, match="Spam be shown in IMAP"):
            mailbox.prove_spam_readable()
    finally:
        google.persona.folders[GMAIL_SPAM] = "\\HasNoChildren \\Junk"


def test_a_strange_server_s_folders_are_all_read_when_none_is_known_as_spam(
    exchange: ScriptedImap, opened: Opener
) -> None:
    mailbox = opened(exchange, kind=plain_imap.MAILBOX)
    exchange.deliver("Archive", receipt(token.new_id()))
    assert "ID" in {command.split(" ", maxsplit=1)[0] for command in exchange.commands}
    assert mailbox.resolved_by == "folder names in other languages"
    assert mailbox.folders["Junk Email"] is FolderRole.SPAM


def test_nobody_listening_is_unreachable() -> None:
    with ScriptedImap(GMAIL) as server:
        gone = account(server)
    with pytest.raises(Unreachable, match="Connection refused"):
        Mailbox(gone, key=KEY).open()


def test_a_login_never_leaves_this_machine_in_the_clear(
    google: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.getpeername", lambda _: ("192.0.2.1", 143))
    with pytest.raises(LoginRefused, match="never sent"):
        Mailbox(account(google), key=KEY).open()
    assert not [c for c in google.commands if c.startswith(("LOGIN", "AUTH"))]


def test_starttls_is_never_done_without(google: ScriptedImap) -> None:
    endpoint = Endpoint("127.0.0.1", google.port, Tls.STARTTLS)
    clear = Account("seed-1", ADDRESS, gmail.MAILBOX, endpoint, PASSWORD)
    with pytest.raises(ProtocolTrouble, match="does not offer STARTTLS"):
        Mailbox(clear, key=KEY).open()
    assert not [c for c in google.commands if c.startswith(("LOGIN", "AUTH"))]


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
def test_a_private_ca_is_verified_and_an_unknown_one_refused(tmp_path: Path, tls: Tls) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("localhost")
    with ScriptedImap(STARTTLS_GMAIL, context if tls is Tls.IMPLICIT else None) as server:
        server.starttls = context
        endpoint = Endpoint("localhost", server.port, tls, ca_file=authority.ca_file)
        known = Account("seed-1", ADDRESS, gmail.MAILBOX, endpoint, PASSWORD)
        mailbox = Mailbox(known, key=KEY)
        mailbox.open()
        server.deliver("INBOX", receipt(token.new_id()))
        assert len(mailbox.look().sightings) == 1
        assert mailbox.wait(0.1) is False
        mailbox.close()
        unknown = replace(known, endpoint=replace(endpoint, ca_file=None))
        with pytest.raises(Unreachable, match="certificate that cannot be verified"):
            Mailbox(unknown, key=KEY).open()
