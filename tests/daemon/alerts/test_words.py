from __future__ import annotations

import re
from string import Formatter

import pytest
from babel import Locale

from daemon.alerts.words import LANGUAGES, Entry, entries

LATIN_ALLOWED = {"DKIM", "SPF", "DNS"}


def forms(entry: Entry) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())


def names(entry: Entry) -> set[str]:
    return {field for form in forms(entry) for _, field, _, _ in Formatter().parse(form) if field}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_everything_that_english_says(language: str) -> None:
    assert set(entries(language)) == set(entries("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_keeps_the_facts_of_the_english_one(language: str) -> None:
    # A form for one or two may put the number into words; no other fact may be lost or invented.
    for key, entry in entries(language).items():
        missing = names(entries("en")[key]) - names(entry) - {"n"}
        assert not missing, f"{key} lacks {missing}"
        assert names(entry) <= names(entries("en")[key]) | {"n"}, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    wanted = {*Locale.parse(language).plural_form.tags, "other"}
    for key, entry in entries(language).items():
        assert isinstance(entry, str) or set(entry) == wanted, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_of_any_other_number_shows_the_number(language: str) -> None:
    for key, entry in entries(language).items():
        if isinstance(entry, dict) and not key.startswith("seen."):
            assert "{n}" in entry["other"], key


@pytest.mark.parametrize("language", ["fa", "ar", "he"])
def test_no_english_is_left_over(language: str) -> None:
    for key, entry in entries(language).items():
        for form in forms(entry):
            latin = set(re.findall(r"[A-Za-z]+", re.sub(r"\{\w+\}", "", form)))
            assert latin <= LATIN_ALLOWED, f"{key}: {latin}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_entry_steers_the_direction_by_itself(language: str) -> None:
    text = "".join(form for entry in entries(language).values() for form in forms(entry))
    assert not set(text) & set("\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069")
