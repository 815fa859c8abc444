"""Regular expressions, written by a shop's owner, that find an order in a receipt.

They are tried on strangers' text in a worker that can be killed (`probes.worker`); those that
would plainly run away are refused before.
"""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass, field

LONGEST = 500
NUMBER, CUSTOMER = "number", "customer"

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|\(\?P=\w+\)|\(\?[aiLmsux]+\)"
    r"|\((?:\?(?:P<\w+>|<?[=!]|[:>]|[aiLmsux-]+:))?|\)|\||.",
    re.DOTALL,
)
_REPEAT = re.compile(r"(?:\*|\+|\?|\{(\d*)(?:(,)(\d*))?\})[?+]?")
_MANY = 10


@functools.cache
def compiled(text: str) -> re.Pattern[str]:
    """The pattern, in either case, `^` and `$` at each line; raises ValueError (check_pattern)."""
    check_pattern(text)
    return re.compile(text, re.IGNORECASE | re.MULTILINE)


def check_pattern(text: str) -> None:
    """Raise ValueError, with the end of a sentence about the pattern, unless it may be used.

    It has exactly one group, or groups named `number` and `customer`; at most 500 characters; and
    no repetition of what is hardly more than a repetition itself, like `(a+)+`.
    """
    if not text or len(text) > LONGEST:
        raise ValueError(f"must have 1 to {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pattern = re.compile(text, re.IGNORECASE | re.MULTILINE)
    except (re.error, Warning, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    named = set(pattern.groupindex)
    if strange := named - {NUMBER, CUSTOMER}:
        raise ValueError(f"has a group named {min(strange)}; only number and customer have meaning")
    if not named and pattern.groups != 1:
        raise ValueError(f"needs exactly one group in (…), and has {pattern.groups}; (?:…) is none")
    if pattern.fullmatch(""):
        raise ValueError("matches the empty text, so it would be found everywhere")
    if repeated := _runs_away(text):
        raise ValueError(f"repeats a repetition, {repeated}, and could run for ever on some mail")


@dataclass(slots=True)
class _Branch:
    """What one alternative of a group is made of, as far as it was read."""

    needed: int = 0
    unbounded: bool = False

    @property
    def ambiguous(self) -> bool:
        """Repeated, it could share out one text among its turns in countless ways."""
        return self.unbounded and self.needed <= 1


@dataclass(slots=True)
class _Group:
    start: int
    branches: list[_Branch] = field(default_factory=lambda: [_Branch()])


def _runs_away(text: str) -> str | None:
    """The first group that is repeated although it is hardly more than a repetition."""
    open_groups, at = [_Group(0)], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        start, at = at, token.end() if token else at + 1
        word = text[start:at]
        if word.startswith("(") and not word.endswith(")"):
            open_groups.append(_Group(start))
        elif word == "|":
            open_groups[-1].branches.append(_Branch())
        else:
            closed = open_groups.pop() if word == ")" and len(open_groups) > 1 else None
            repeat = _REPEAT.match(text, at)
            at = repeat.end() if repeat else at
            least, most = _bounds(repeat)
            if closed and most > _MANY and any(branch.ambiguous for branch in closed.branches):
                return text[closed.start : at]
            _count(open_groups[-1].branches[-1], closed, least, most)
    return None


def _bounds(repeat: re.Match[str] | None) -> tuple[int, float]:
    if repeat is None:
        return 1, 1
    match repeat[0][0]:
        case "*":
            return 0, float("inf")
        case "+":
            return 1, float("inf")
        case "?":
            return 0, 1
        case _:
            least = int(repeat[1] or 0)
            return least, float(repeat[3] or "inf") if repeat[2] else least


def _count(branch: _Branch, closed: _Group | None, least: int, most: float) -> None:
    inner = closed.branches if closed else [_Branch(needed=1)]
    branch.needed += min(1, least) * min(b.needed for b in inner)
    branch.unbounded |= most > _MANY or any(b.unbounded for b in inner)
