"""Reads command lines (RFC 5321 section 4.1.1) strictly; whatever is wrong has a reply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from daemon.intake import replies
from daemon.intake.replies import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 2_048
"""Octets of a command line: RFC 5321 section 4.5.3.1.4 asks for 512 and room for extensions."""
LONGEST_LOGIN = 12_288
"""Octets of AUTH and of its answers (RFC 4954 section 4)."""

_PATH = re.compile(r"[ ]?<([^<>\s]*)>((?:[ ]+[^\s]+)*)[ ]*", re.ASCII)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Command(NamedTuple):
    """A command line: its verb in upper case, and its argument, which may hold any script."""

    verb: str
    argument: str


class Path(NamedTuple):
    """What MAIL and RCPT name: the text between the angle brackets, and the parameters.

    A parameter without a value has None; its keyword is in upper case.
    """

    address: str
    parameters: Mapping[str, str | None]


def read_command(line: bytes) -> Command:
    """Read a line with or without its line end. Raises Refused."""
    try:
        text = line.rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(replies.NOT_TEXT) from error
    if _CONTROL.search(text):
        raise Refused(replies.NOT_TEXT)
    verb, _, argument = text.partition(" ")
    if len(line) > (LONGEST_LOGIN if verb[:4].upper() == "AUTH" else LONGEST):
        raise Refused(replies.TOO_LONG)
    return Command(verb.upper(), argument.strip(" "))


def read_path(argument: str, keyword: str) -> Path:
    """Read `FROM:<address> PARAMETER=value`, `keyword` being "FROM:" or "TO:". Raises Refused.

    A blank behind the colon is let pass, as every server does; angle brackets there must be.
    """
    head, rest = argument[: len(keyword)], argument[len(keyword) :]
    match = _PATH.fullmatch(rest) if head.upper() == keyword else None
    if match is None:
        raise Refused(replies.BAD_SYNTAX)
    return Path(match[1], _parameters(match[2]) if match[2] else {})


def _parameters(text: str) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in found:
            raise Refused(replies.BAD_SYNTAX)
        found[match[1].upper()] = match[2]
    return found
