"""A lifecycle is a table of allowed moves; the ledger refuses every move not in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

State = TypeVar("State", bound=str)


class IllegalMove(Exception):  # noqa: N818 - reads as what it is; "Error" adds nothing
    """The table has no such move: a bug in the caller, never bad input."""


@dataclass(frozen=True, slots=True)
class Lifecycle(Generic[State]):
    """Allowed moves `old → {new: when}`; `when` is the sentence that the documentation prints."""

    name: str
    moves: Mapping[State, Mapping[State, str]]

    def sources(self, new: State) -> tuple[State, ...]:
        """Every state from which `new` may be reached; raises IllegalMove when there is none."""
        found = tuple(old for old, targets in self.moves.items() if new in targets)
        if not found:
            raise IllegalMove(f"{self.name}: nothing moves to {new}")
        return found

    def require(self, old: State, new: State) -> None:
        """Raise IllegalMove unless `old → new` is in the table."""
        if new not in self.moves.get(old, {}):
            raise IllegalMove(f"{self.name}: {old} → {new} is not a move")

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the documentation."""
        lines = [
            f"    {old} --> {new}: {when}"
            for old, targets in self.moves.items()
            for new, when in targets.items()
        ]
        return "\n".join(["stateDiagram-v2", *lines])
