"""A notice's parts in order, and how they look as plain text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from daemon.alerts.speech import one_line

if TYPE_CHECKING:
    from daemon.alerts.speech import Speaker

Tone = Literal["problem", "solved", "info"]
ICONS: dict[Tone, str] = {"problem": "▲", "solved": "✓", "info": "●"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, with a line of DNS to copy or a page to open."""

    sentence: str
    record: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What the speaker's reader sees, said in the speaker's form."""

    tone: Tone
    title: str
    paragraphs: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    link: str | None = None
    footer: tuple[str, ...] = ()


def as_text(page: Page, speaker: Speaker) -> str:
    """Plain text: a line a sentence, records and links on lines of their own."""
    blocks = [page.title, "\n".join(page.paragraphs)]
    if page.steps:
        blocks.append("\n".join([f"{speaker.say('page.todo')}:", *_steps(page, speaker)]))
    if page.link:
        blocks.append(f"{speaker.say('page.details')}\n{one_line(page.link)}")
    if page.footer:
        blocks.append(" ".join(page.footer))
    return "\n\n".join(blocks) + "\n"


def _steps(page: Page, speaker: Speaker) -> list[str]:
    lines: list[str] = []
    for number, step in enumerate(page.steps, start=1):
        lines.append(f"{speaker.reader.number(number)}. {step.sentence}")
        # Bare, on lines of their own: whoever copies a record must not copy unseen marks with it.
        lines += [f"   {one_line(line)}" for line in (step.record, step.url) if line]
    return lines


def as_html(page: Page, speaker: Speaker) -> str:
    """A whole HTML document for mail readers: tables, inline styles, nothing loaded."""
    return _TEMPLATE.render(
        page=page,
        icon=ICONS[page.tone],
        tone=speaker.say(f"page.{page.tone}"),
        todo=speaker.say("page.todo"),
        open=speaker.say("page.open"),
        language=speaker.reader.language,
        direction=speaker.reader.direction,
        start="right" if speaker.reader.direction == "rtl" else "left",
    )


_TEMPLATE = Environment(
    loader=PackageLoader("daemon.alerts", "letters"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("notice.html")
