"""Says the entries of a language: numbers, times and plurals as people there write them.

Names and addresses are kept apart from the text around them, which may run the other way: by
U+2068 … U+2069 in plain text (Unicode UAX 9), by <bdi> in HTML.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from daemon.alerts.words import LANGUAGES, sentence
from probes.address import is_one_line

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from daemon.alerts.notice import Direction

LONGEST_NAME = 200
FIRST_STRONG, POP = "\u2068", "\u2069"
_STEERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})

# Babel knows the separators of a numbering system, but writes the digits 0 to 9 in all of them.
_DIGITS = {"arabext": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")}


class Said(str):
    """Plain text that is said already: names in it are isolated, it is inserted as it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a language that notices are written in, an IANA time zone."""

    language: str
    zone: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"notices are written in {', '.join(LANGUAGES)} only")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{self.zone} is no time zone, such as Europe/Berlin") from None

    @property
    def direction(self) -> Direction:
        """Which way the language runs."""
        return "rtl" if self._locale.character_order == "right-to-left" else "ltr"

    @property
    def _locale(self) -> Locale:
        return Locale.parse(self.language)

    def number(self, n: int) -> Said:
        """`n`, grouped and in digits as the language writes them."""
        return self._digits(format_decimal(n, locale=self._locale, numbering_system="default"))

    def time(self, at: datetime) -> Said:
        """The time of day on the reader's wall, "14:10"."""
        return self._digits(f"{at.astimezone(ZoneInfo(self.zone)):%H:%M}")

    def date(self, at: datetime) -> Said:
        """Day and month on the reader's wall."""
        wall = at.astimezone(ZoneInfo(self.zone))
        return self._digits(format_date(wall.date(), "d MMMM", locale=self._locale))

    def same_day(self, one: datetime, other: datetime) -> bool:
        """Whether both instants have one date on the reader's wall."""
        zone = ZoneInfo(self.zone)
        return one.astimezone(zone).date() == other.astimezone(zone).date()

    def _digits(self, text: str) -> Said:
        return Said(text.translate(_DIGITS.get(self._locale.default_numbering_system, {})))


@dataclass(frozen=True, slots=True)
class Speaker:
    """Fills the entries of the reader's language, as plain text or as HTML."""

    reader: Reader
    form: Literal["text", "html"]

    def say(self, key: str, n: int = 1, /, **values: str | int) -> Said | Markup:
        """The entry `key` said of `n`; what was said already goes in as it is, names isolated."""
        template = sentence(self.reader.language, key, n)
        filled = {name: self._part(value) for name, value in {"n": n, **values}.items()}
        if self.form == "html":
            return Markup(escape(template)).format(**filled)  # noqa: S704 - escaped just here
        return Said(template.format(**filled))

    @property
    def nothing(self) -> Said | Markup:
        """What is said where there is nothing to say."""
        return Markup() if self.form == "html" else Said()

    def name(self, value: str) -> Said | Markup:
        """A name, an address or other words from outside, on one line and kept apart."""
        line = _shortened(one_line(value))
        if self.form == "html":
            return Markup("<bdi>{}</bdi>").format(line)
        strange = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line)
        apart = self.reader.direction == "rtl" or strange
        return Said(f"{FIRST_STRONG}{line}{POP}" if apart else line)

    def when(self, at: datetime, now: datetime) -> Said | Markup:
        """The time; with its date when that is not today's."""
        entry = "time.today" if self.reader.same_day(at, now) else "time.day"
        return self.say(entry, time=self.reader.time(at), date=self.reader.date(at))

    def lasting(self, span: timedelta) -> Said | Markup:
        """How long: in the two largest of days, hours and minutes; at least a minute."""
        hours, minutes = divmod(max(1, round(span.total_seconds() / 60)), 60)
        days, hours = divmod(hours, 24)
        parts = [("span.day", days), ("span.hour", hours), ("span.minute", minutes)]
        told = [self.say(key, count) for key, count in parts if count]
        return told[0] if len(told) == 1 else self.say("span.both", larger=told[0], smaller=told[1])

    def _part(self, value: str | int) -> str:
        if isinstance(value, Said | Markup):
            return value
        return self.reader.number(value) if isinstance(value, int) else self.name(value)


def one_line(value: str) -> str:
    """`value` on one line, without marks that would turn the text around it."""
    line = " ".join("".join(c for c in value if c not in _STEERING).split())
    # U+200C, which Persian names need, is not printable by Python's reckoning.
    return "".join(c if is_one_line(c) else "?" for c in line)


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
