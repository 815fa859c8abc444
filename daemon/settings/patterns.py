"""Regular expressions that the settings hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field


def _order_pattern(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"needs exactly one group in (…), and has {groups}; (?:…) is none")
    return value


OrderPattern = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_order_pattern)]
"""A pattern whose one group is what is looked for."""
