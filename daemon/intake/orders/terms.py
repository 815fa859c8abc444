"""What one shop says about its own mail."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from probes.order_pattern import check_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADERS = ("X-Order-ID",)


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """How a shop's mail names its order, and who is the shop itself; patterns are checked.

    `number` and `customer` are patterns (`probes.order_pattern`), tried in their order; `headers`
    are header fields that hold the number and nothing else; `own` are addresses ("a@shop.example")
    and domains ("shop.example", and those below it) that are never a customer's. Raises ValueError
    with a sentence.
    """

    number: tuple[str, ...] = ()
    customer: tuple[str, ...] = ()
    headers: tuple[str, ...] = HEADERS
    own: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern in (*self.number, *self.customer):
            try:
                check_pattern(pattern)
            except ValueError as error:
                raise ValueError(f"The pattern {pattern[:80]!r} {error}.") from None

    def is_own(self, address: str) -> bool:
        """Whether this checked address is the shop's, or ours, and no customer's."""
        folded = address.casefold()
        domain = "." + folded.rpartition("@")[2]
        return any(
            folded == own if "@" in own else domain.endswith(f".{own}")
            for own in map(str.casefold, self.own)
        )

    def as_json(self) -> dict[str, Any]:
        """For the worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> OrderTerms:
        """What `as_json` made."""
        return cls(**{name: tuple(values) for name, values in record.items()})
