"""What a message says to people and to machines, read when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from daemon.intake.orders.markup import Markup, read_markup
from daemon.intake.orders.plain_text import plain
from probes.parts import Part, parts_of

if TYPE_CHECKING:
    from probes.letter import Letter

LONGEST_PART = 512 * 1024
_LONGEST_TEXTS = 1024 * 1024
LONGEST_MESSAGE = 2 * 1024 * 1024
"""Bytes of a message inside a message that are looked at."""
_MOST_TEXTS = 8
_MOST_MESSAGES = 3


@dataclass
class Body:
    """The parts of one message; `depth` is how deep it lies in others. Raises TooHostile."""

    letter: Letter
    depth: int = 0

    @cached_property
    def texts(self) -> list[str]:
        """Its plain texts, as they are searched."""
        return [plain(text) for text in self._decoded("text/plain")]

    @cached_property
    def pages(self) -> list[Markup]:
        """Its HTML."""
        return [read_markup(source) for source in self._sources]

    @cached_property
    def visible(self) -> list[str]:
        """The texts of its HTML, as they are searched."""
        return [plain(page.text) for page in self.pages]

    @property
    def speaks_to_machines(self) -> bool:
        """Whether its HTML may hold JSON-LD or microdata; the cheap question."""
        return any("ld+json" in s or "itemprop" in s for s in self._sources)

    @cached_property
    def messages(self) -> list[bytes]:
        """The messages inside it: forwarded, or the subject of a journal's report."""
        inside = [part for part in self._all if part.kind in {"message/rfc822", "message/global"}]
        return [part.message(LONGEST_MESSAGE) for part in inside[:_MOST_MESSAGES]]

    @cached_property
    def _all(self) -> list[Part]:
        return list(parts_of(self.letter, self.depth))

    @cached_property
    def _sources(self) -> list[str]:
        return self._decoded("text/html")

    def _decoded(self, kind: str) -> list[str]:
        found: list[str] = []
        left = _LONGEST_TEXTS
        for part in self._all:
            if part.kind == kind and not part.attached and left > 0 and len(found) < _MOST_TEXTS:
                found.append(part.text(min(LONGEST_PART, left)))
                left -= min(LONGEST_PART, part.end - part.start)
        return found
