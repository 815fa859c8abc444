from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from daemon.alerts.advice import advise
from daemon.alerts.notice import Notice, NoticeKind
from daemon.alerts.speech import Reader, Speaker
from daemon.alerts.wording import (
    BETWEEN,
    LONGEST_SHORT,
    Cause,
    Counts,
    Effect,
    OtherRoutes,
    Subject,
    render,
)
from daemon.alerts.words import LANGUAGES
from daemon.rulings.alerting import Kind
from probes.address import is_one_line
from tests.daemon.alerts.stories import DKIM, LINK, LISTED, NOW, SPF, STORY, every_subject, problem

if TYPE_CHECKING:
    from pathlib import Path

SUBJECTS = dict(every_subject())
ZONES = {"en": "Europe/London", "fa": "Asia/Tehran", "ar": "Africa/Cairo", "he": "Asia/Jerusalem"}
ISOLATED = re.compile("\u2068[^\u2068\u2069]*\u2069")
NAMES = re.compile(r"\b(DKIM|SPF|DNS)\b")


def said(subject: Subject, language: str = "en") -> Notice:
    return render(subject, Reader(language, ZONES[language]), key="rw-1")


@cache
def all_said(language: str) -> dict[str, Notice]:
    return {name: said(subject, language) for name, subject in SUBJECTS.items()}


class Outline(HTMLParser):
    """What a mail reader shows, and how its tables are marked."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.outside_names: list[str] = []
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"td", "th"}:
            self.cells.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs).get("href"))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"bdi", "title", "style"} & set(self.open):
            self.outside_names.append(data)


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_in_every_language_is_well_formed(language: str, tmp_path: Path) -> None:
    direction = "ltr" if language == "en" else "rtl"
    for name, notice in all_said(language).items():
        (tmp_path / f"{name}.html").write_text(notice.html, "utf-8")
        (tmp_path / f"{name}.txt").write_text(notice.text, "utf-8")
        assert notice.html.startswith(f'<!DOCTYPE html>\n<html lang="{language}" dir="{direction}"')
        cells = outline(notice.html).cells
        assert len(cells) >= 4
        for cell in cells:
            assert (cell["lang"], cell["dir"]) == (language, direction), name
        for text in (notice.subject, notice.short, *notice.text.splitlines()):
            bare = ISOLATED.sub("", text)
            assert not set(bare) & {"\u2068", "\u2069"}, f"{name}: {text!r}"
            assert "{" not in bare, f"{name}: {text!r}"
    assert len(list(tmp_path.glob("*.html"))) == len(SUBJECTS) > 200


@pytest.mark.parametrize("language", ["fa", "ar", "he"])
def test_only_names_are_left_in_latin_letters(language: str) -> None:
    for name, notice in all_said(language).items():
        lines = [line for line in notice.text.splitlines() if line != LINK and line[:3] != "   "]
        spoken = " ".join([notice.subject, *lines, notice.short.replace(LINK, "")])
        left = NAMES.sub("", ISOLATED.sub("", spoken))
        assert not re.search("[A-Za-z]", left), f"{name}: {left}"
        shown = NAMES.sub("", " ".join(outline(notice.html).outside_names))
        assert not re.search("[A-Za-z]", shown), f"{name}: {shown}"


def test_the_owner_reads_what_happened_how_often_and_why() -> None:
    assert said(STORY).text.splitlines()[:4] == [
        "Saffron Shop: receipts go to spam at Gmail",
        "",
        "2 of your 3 test inboxes at Gmail put the last 3 receipts into spam (normally 1 in 200).",
        "Your other route lands, so it is this route (primary), since 10:10.",
    ]


@pytest.mark.parametrize(
    ("language", "time"), [("en", "10:10"), ("fa", "۱۳:۴۰"), ("ar", "12:10"), ("he", "12:10")]
)
def test_times_are_those_of_the_reader(language: str, time: str) -> None:
    assert time in said(STORY, language).text


def test_a_time_of_another_day_shows_its_date() -> None:
    story = replace(STORY, since=NOW - timedelta(days=3))
    assert "since 10:40 on 18 November" in said(story).text
    assert "روز ۱۸ نوامبر" in said(story, "fa").text


@pytest.mark.parametrize(
    ("n", "arabic", "hebrew"),
    [
        (1, "آخر إيصال ", "הקבלה האחרונה הגיעה"),
        (2, "آخر إيصالين ", "שתי הקבלות האחרונות הגיעו"),
        (5, "آخر 5 إيصالات ", "5 הקבלות האחרונות הגיעו"),
        (12, "آخر 12 إيصالاً ", "12 הקבלות האחרונות הגיעו"),
        (100, "آخر 100 إيصال ", "100 הקבלות האחרונות הגיעו"),
    ],
)
def test_numbers_bend_the_words_around_them(n: int, arabic: str, hebrew: str) -> None:
    story = replace(STORY, counts=Counts(1, 3, n))
    assert arabic in said(story, "ar").text
    assert hebrew in said(story, "he").text


def test_a_solved_incident_tells_what_happened_in_between() -> None:
    text = said(SUBJECTS["resolved-route-spam"]).text
    assert "Receipts by primary land again at Gmail, since 10:40." in text
    assert "It lasted 30 minutes." in text
    assert "we sent 41 test receipts; 22 of them fared badly." in text
    assert "What to do" not in text


def test_a_reminder_says_for_how_long() -> None:
    text = said(SUBJECTS["yesterday"]).text
    assert "This has been open for 2 days and 3 hours, and nobody has acknowledged it." in text


def test_another_cause_names_the_one_before() -> None:
    text = said(SUBJECTS["cause_changed-content-spam"]).text
    assert "Before, it looked like the route; now it is the text of the receipts." in text


def test_a_digest_says_how_many_and_names_a_few() -> None:
    lines = said(SUBJECTS["digest-opened"]).text.splitlines()
    assert lines[0] == "Saffron Shop: 10,000 problems with receipts"
    assert lines[2] == "10,000 problems began within a short time."
    assert "And 9,992 more." in lines
    assert "۱۰٬۰۰۰" in said(SUBJECTS["digest-opened"], "fa").subject


def test_a_digest_of_ends_says_of_each_what_works_again() -> None:
    text = said(SUBJECTS["digest-resolved"]).text
    assert "Saffron Shop: The test inbox gmail-1 at Gmail works again, since 10:40." in text
    assert "Saffron Shop: Receipts by primary land again at Gmail, since 10:40." in text


def words_of(**changes: object) -> list[str]:
    return [a.word for a in advise(replace(STORY, **changes))]  # type: ignore[arg-type] # any field


def test_advice_follows_what_the_findings_say_most_telling_first() -> None:
    assert words_of(findings=(LISTED, SPF, DKIM)) == [
        "dkim_key",
        "spf_add",
        "delist",
        "other_route",
    ]
    assert words_of() == ["slow_down", "other_route"]
    assert words_of(other_routes=OtherRoutes.UNKNOWN) == ["slow_down"]
    assert words_of(cause=Cause.CONTENT) == ["content", "other_route"]
    assert words_of(cause=Cause.PROVIDER, findings=(DKIM,)) == ["wait"]
    assert words_of(cause=Cause.SEED, effect=Effect.MISSING) == ["seed_login"]
    assert words_of(cause=Cause.SEED) == ["seed_learned"]
    refused = problem("submission", "rejected", code=535)
    assert words_of(cause=Cause.REFUSED, findings=(refused,))[0] == "login"


def test_the_dns_records_to_publish_are_ready_to_copy() -> None:
    records = [a.record for a in advise(replace(STORY, findings=(DKIM, SPF)))]
    assert records[:2] == [
        "s1._domainkey.saffron.example  TXT",
        'saffron.example  TXT  "v=spf1 ip4:203.0.113.5 include:_spf.relay.example -all"',
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_records_and_links_carry_no_invisible_marks(language: str) -> None:
    lines = said(replace(STORY, findings=(DKIM, LISTED)), language).text.splitlines()
    assert "   s1._domainkey.saffron.example TXT" in lines
    assert "   https://check.spamhaus.org/" in lines
    assert LINK in lines


def test_only_https_pages_become_links() -> None:
    evil = problem("blocklists", "listed", list="X", listed="Y", removal="javascript:alert(1)")
    notice = said(replace(STORY, findings=(evil,)))
    assert outline(notice.html).links == [LINK]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_stay_within_their_place(language: str) -> None:
    hostile = "<script>x</script>\u2069\u202e\r\nBcc: evil@x.test {shop} \x1b[31m" + "y" * 500
    notice = said(replace(STORY, shop=hostile, reply=hostile, cause=Cause.REFUSED), language)
    assert "<script" not in notice.html
    assert "\u202e" not in notice.text + notice.html + notice.subject
    assert notice.subject.count("\u2068") == notice.subject.count("\u2069")
    assert len(notice.subject) < 400
    assert is_one_line(notice.subject)
    assert "{shop}" in notice.subject  # it was not filled in a second time


def test_a_persian_name_keeps_its_joiners() -> None:
    assert "گل\u200cفروشی" in said(replace(STORY, shop="گل\u200cفروشی"), "fa").subject


def test_english_keeps_its_sms_short_unless_a_name_runs_the_other_way() -> None:
    assert "\u2068" not in said(STORY).short
    assert "\u2068گلستان\u2069" in said(replace(STORY, shop="گلستان")).short


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_short_form_keeps_to_its_length(language: str) -> None:
    for name, notice in all_said(language).items():
        short = notice.short
        assert len(short.removesuffix(LINK)) <= LONGEST_SHORT + len(BETWEEN), name
        assert "\n" not in short


def test_durations_are_told_in_two_units() -> None:
    speaker = Speaker(Reader("en", "UTC"), "text")
    told = [speaker.lasting(timedelta(minutes=m)) for m in (0, 1, 60, 85, 1440, 2945)]
    assert told == [
        "1 minute",
        "1 minute",
        "1 hour",
        "1 hour and 25 minutes",
        "1 day",
        "2 days and 1 hour",
    ]


def test_a_language_or_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="en, fa, ar, he"):
        Reader("de", "UTC")
    with pytest.raises(ValueError, match="Nowhere"):
        Reader("en", "Nowhere/Town")


def test_the_policy_and_the_notices_speak_of_the_same_kinds() -> None:
    assert {k.value for k in NoticeKind} - {k.value for k in Kind} == {"grouped", "test"}
    assert {k.value for k in Kind} <= {k.value for k in NoticeKind}
