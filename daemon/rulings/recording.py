"""A recording: observations as lines of JSON, in the order in which they became known."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

from daemon.rulings.observations import Observation, from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE = 65_536
"""Octets; a longer line is none of ours."""
BACKWARDS = timedelta(hours=1)
"""Two daemons' clocks, or a line written a little late, differ by less."""


_decode = json.JSONDecoder().decode


class BrokenLine(ValueError):  # noqa: N818 - reads as what it is; "Error" adds nothing
    """A line that says nothing; its sentence names the line and why."""

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(f"line {number}: {sentence}")
        self.number = number


def lines(recording: BinaryIO) -> Iterator[bytes]:
    """Each line as soon as it is there; of one that is too long only its beginning is kept."""
    while line := recording.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = recording.readline(LONGEST_LINE + 1)
        yield line


def read(recorded: Iterable[bytes]) -> Iterator[Observation | BrokenLine]:
    """Each line's observation, or what is wrong with it, as soon as the line is there.

    Empty lines are passed over. A line that is older than the one before it by more than an hour
    is broken: a sorted recording has none.
    """
    latest: datetime | None = None
    for number, line in enumerate(recorded, 1):
        if not line.strip():
            continue
        try:
            observation = parsed(line)
            if latest is not None and observation.at < latest - BACKWARDS:
                raise ValueError(f"at: {observation.at:%Y-%m-%dT%H:%M:%SZ} goes back in time")  # noqa: TRY301 - as every other fault of a line
        except ValueError as error:
            yield BrokenLine(number, str(error))
            continue
        if latest is None or observation.at > latest:
            latest = observation.at
        yield observation


def parsed(line: bytes) -> Observation:
    """One line's observation; raises ValueError with a sentence."""
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} octets")
    try:
        document = _decode(line.decode())
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if type(document) is not dict:
        raise ValueError("no JSON object")
    return from_json(document)
