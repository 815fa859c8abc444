"""The words of `phrases.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def phrases() -> dict[str, Any]:
    """The whole file."""
    return tomllib.loads((files(__package__) / "phrases.toml").read_text("utf-8"))


def pattern(name: str) -> re.Pattern[str]:
    """Any of the regular expressions of that name, in either case."""
    return re.compile("|".join(phrases()[name]), re.IGNORECASE)


def names(name: str) -> frozenset[str]:
    """The plain names under that name."""
    return frozenset(phrases()[name])
