"""Patterns that a shop's owner writes: which may be used, and what is said of the others."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.order_pattern import _TOKEN, check_pattern, compiled

GOOD = (
    r"Order #(\d+)",
    r"(?i)ref\.?\s*([A-Z]{2}-\d{4,8})",
    r"((?:\d+-)+\d+)",
    r"(\d+(?:-\d+)*)",
    r"((?:[A-Z]+\d+)+)",
    r"(\d{3}(?:-\d{7}){2})",
    r"number[(+*]+ ([\])(+*\d]+)",
    r"(?P<number>\w+) for (?P<customer>\S+@\S+)",
    r"(?P<customer>\S+@\S+)",
    r"(?:a+){1,3}(b)",
    r"(?# [a+ )(b)",
    r"\(a+\)+(b)",
)
BAD = {
    "": "1 to 500",
    "(" + "a" * 500 + ")": "1 to 500",
    "(": "no regular expression",
    r"(?P<number": "no regular expression",
    r"\d+": "exactly one group",
    r"(\d+) of (\d+)": "exactly one group",
    r"(?P<order>\d+)": "named order",
    r"(\d*)": "matches the empty text",
    r"(a+)+": r"repeats a repetition, (a+)+",
    r"(x)|(?:a*)*b|": "matches the empty text",
    r"([[a]+)": "Possible nested set",
    r"(?:\s*\d+)+(x)": r"(?:\s*\d+)+",
    r"(?:a|b*)*(x)": r"(?:a|b*)*",
    r"(?:a+b?)+(x)": r"(?:a+b?)+",
    r"(?:(?:a+))*(x)": r"(?:(?:a+))*",
    r"(?:(?:\d+,?)*)(x)": r"(?:\d+,?)*",
    r"(?:x{1,50}){2,60}(a)": r"(?:x{1,50}){2,60}",
    r"(?:x{2,}){20,}?(a)": r"(?:x{2,}){20,}?",
}


@pytest.mark.parametrize("pattern", GOOD)
def test_a_pattern_with_one_group_may_be_used(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize("pattern", BAD)
def test_others_are_refused_with_the_reason(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(BAD[pattern])):
        check_pattern(pattern)


def test_case_does_not_matter_and_lines_have_ends() -> None:
    match = compiled(r"^order (\w+)$").search("Hello\nORDER abc\nBye")
    assert match
    assert match[1] == "abc"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=r"ab\d()[]|+*?{}1,^$.<>P=!:", max_size=40))
def test_any_text_is_taken_or_refused_in_words(text: str) -> None:
    with contextlib.suppress(ValueError):
        check_pattern(text)
        assert compiled(text).groups


def test_every_pattern_is_read_to_its_end() -> None:
    for pattern in GOOD:
        at = 0
        while at < len(pattern):
            token = _TOKEN.match(pattern, at)
            assert token, pattern[at:]
            at = token.end()
