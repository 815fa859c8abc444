"""What the intake hands a message to, and what it may be told instead of an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from daemon.lifecycles.arrival import Arrival, Taken


class NoRoom(Exception):  # noqa: N818 - named by what is wrong
    """There is no room for the message now: the client hears 452 4.3.1 and comes again."""


class NotNow(Exception):  # noqa: N818 - named by what is wrong
    """The message cannot be taken now: the client hears 451 4.3.0 and comes again."""


class Store(Protocol):
    """Keeps messages."""

    async def __call__(self, arrival: Arrival) -> Taken:
        """Return once the message is durable, and never before. Raises NoRoom or NotNow."""
        ...
