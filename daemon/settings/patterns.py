"""Regular expressions that the settings hold."""

from typing import Annotated

from pydantic import AfterValidator

from probes.order_pattern import check_pattern


def _order_pattern(value: str) -> str:
    check_pattern(value)
    return value


OrderPattern = Annotated[str, AfterValidator(_order_pattern)]
"""A pattern whose one group, or whose groups `number` and `customer`, are what is looked for."""
