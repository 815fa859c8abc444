"""What is wrong with a settings file, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Steps = tuple[str | int, ...]
"""The way to a place in the settings: ("seeds", 0, "login")."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake; `line` and `column` count from 1, `where` reads `seeds[0].login.kind`."""

    line: int
    column: int
    where: str
    sentence: str


class SettingsError(Exception):
    """The settings cannot be used; `str()` is one line per problem, in the file's order."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(self._line, self.problems)))

    def _line(self, problem: Problem) -> str:
        place = f"{self.path}:{problem.line}:{problem.column}"
        return ": ".join(filter(None, (place, problem.where, problem.sentence)))


def spelled(steps: Steps) -> str:
    """`("seeds", 0, "login")` as `seeds[0].login`."""
    words = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(words).removeprefix(".")
