"""What notices say: one TOML file a language, the same keys in each.

An entry is a sentence, or a table with one sentence for every plural category that the language
has in CLDR (Unicode TR 35 part 3 section 5). Names in braces are filled in.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from babel import Locale

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "fa", "ar", "he")
Entry = str | dict[str, str]


@cache
def entries(language: str) -> Mapping[str, Entry]:
    """The entries of a language as {"section.key": entry}."""
    source = (files(__package__) / f"{language}.toml").read_text("utf-8")
    sections = tomllib.loads(source)
    return {f"{s}.{key}": entry for s, keys in sections.items() for key, entry in keys.items()}


def sentence(language: str, key: str, n: int) -> str:
    """The entry `key` as it is said of `n`."""
    entry = entries(language)[key]
    if isinstance(entry, str):
        return entry
    return entry[Locale.parse(language).plural_form(n)]
