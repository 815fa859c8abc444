"""Turns the facts of a story into a notice in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.alerts.notice import Fact, Notice, NoticeKind
from daemon.alerts.page import as_html, as_text
from daemon.alerts.speech import Reader, Speaker
from daemon.alerts.story import (
    Cause,
    Counts,
    Digest,
    Effect,
    OtherRoutes,
    Story,
    Subject,
    Trial,
    Trouble,
)
from daemon.alerts.telling import page_of

if TYPE_CHECKING:
    from daemon.alerts.page import Page

__all__ = [
    "Cause",
    "Counts",
    "Digest",
    "Effect",
    "OtherRoutes",
    "Reader",
    "Story",
    "Subject",
    "Trial",
    "Trouble",
    "render",
]

LONGEST_SHORT = 320
BETWEEN = " | "


def render(subject: Subject, reader: Reader, *, key: str) -> Notice:
    """The notice with idempotency key `key`, in every form that a channel may need."""
    text, html = Speaker(reader, "text"), Speaker(reader, "html")
    page = page_of(subject, text)
    return Notice(
        key=key,
        kind=_kind(subject),
        incidents=_incidents(subject),
        at=subject.now,
        language=reader.language,
        direction=reader.direction,
        subject=page.title,
        text=as_text(page, text),
        html=as_html(page_of(subject, html), html),
        short=_short(page),
        facts=_facts(subject),
    )


def _kind(subject: Subject) -> NoticeKind:
    match subject:
        case Story():
            return subject.kind
        case Digest():
            return NoticeKind.GROUPED
        case Trouble():
            return NoticeKind.OPERATOR
        case Trial():
            return NoticeKind.TEST


def _incidents(subject: Subject) -> tuple[str, ...]:
    match subject:
        case Story():
            return (subject.incident,)
        case Digest():
            return subject.incidents
        case _:
            return ()


def _short(page: Page) -> str:
    """What fits into a few SMS: the title, then whole sentences while there is room."""
    parts, room = [page.title], LONGEST_SHORT - len(page.title)
    first_step = page.steps[:1]
    for part in (*page.paragraphs, *(step.sentence for step in first_step if not step.record)):
        room -= len(part) + len(BETWEEN)
        if room < 0:
            break
        parts.append(part)
    return BETWEEN.join([*parts, *([page.link] if page.link else [])])


def _facts(subject: Subject) -> dict[str, Fact]:
    match subject:
        case Story():
            return _story_facts(subject)
        case Digest():
            return {"about": subject.about.value, "total": subject.total, "shop": subject.shop}
        case Trouble():
            return {"contact": subject.contact, "channel": subject.channel, "tries": subject.tries}
        case Trial():
            return {"contact": subject.contact, "channel": subject.channel}


def _story_facts(story: Story) -> dict[str, Fact]:
    counts = story.counts or Counts(0, 0, 0)
    return {
        "shop": story.shop,
        "route": story.route,
        "provider": story.provider,
        "seed": story.seed,
        "cause": story.cause.value,
        "effect": story.effect.value,
        "since": story.since.isoformat(),
        "until": story.until.isoformat() if story.until else None,
        "bad_seeds": counts.bad,
        "seeds": counts.seeds,
        "receipts": counts.receipts,
        "link": story.link,
    }
