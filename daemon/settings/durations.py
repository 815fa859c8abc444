"""Durations as people write them: 90s, 20m, 1h30m, 30d."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

PATTERN = r"^(?:\d{1,4}d)?(?:\d{1,4}h)?(?:\d{1,5}m)?(?:\d{1,6}s)?$"
_PARTS = re.compile(r"(\d+)([dhms])")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse(value: object) -> timedelta:
    """The positive time that `value` names; raises ValueError with the way to write it."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(PATTERN, value, re.ASCII):
        raise ValueError("must be a duration with its unit, such as 90s, 20m, 2h or 30d")
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _PARTS.findall(value))
    if not seconds:
        raise ValueError("must be longer than nothing, such as 90s, 20m, 2h or 30d")
    return timedelta(seconds=seconds)


def text(duration: timedelta) -> str:
    """The shortest way to write `duration`, the inverse of `parse`; whole seconds only."""
    left, parts = int(duration.total_seconds()), []
    for unit, seconds in _SECONDS.items():
        count, left = divmod(left, seconds)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts)


Duration = Annotated[
    timedelta,
    PlainValidator(parse),
    PlainSerializer(text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "minLength": 2}),
]
