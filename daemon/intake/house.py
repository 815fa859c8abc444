"""What all connections share: the terms, who is here, and where messages go."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import nullcontext, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from daemon.intake import replies
from daemon.intake.content import MOST_IN_MEMORY, Room
from daemon.intake.login import Logins
from daemon.intake.pace import Pace
from daemon.lifecycles.arrival import IntakeMode

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from typing import Protocol

    from daemon.intake.admission import Admission, Purpose
    from daemon.intake.replies import Reply
    from daemon.intake.store import Store
    from daemon.intake.terms import Terms

    class Guest(Protocol):
        """A connection."""

        def close_soon(self) -> None:
            """Say goodbye, now or when the message in hand is done."""

        async def cut_off(self) -> None:
            """End now, and return when everything about it has ended."""


LARGE_AT_ONCE = 2
"""Messages of more than a megabyte that are whole in memory at the same time."""


class Event(StrEnum):
    """What is counted."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    """A message or a recipient, for good."""
    PUT_OFF = "put_off"
    """A message or a recipient that may come again later."""
    LOGIN_REFUSED = "login_refused"
    TURNED_AWAY = "turned_away"
    """A connection, at the greeting."""


_LINES = {event: f"mail {event.replace('_', ' ')}" for event in Event}


class House:
    """Shared by the connections of one intake; lives in one event loop."""

    def __init__(
        self,
        terms: Terms,
        rules: Admission,
        store: Store,
        now: Callable[[], datetime],
        *,
        on_event: Callable[[Event, str | None], None],
        disk_low: Callable[[], bool],
    ) -> None:
        self.terms, self.rules, self.store, self.now = terms, rules, store, now
        self.limits, self.hostname = terms.limits, terms.hostname
        self.logins = Logins(terms.shops)
        self.room = Room(terms.limits.memory_bytes, terms.limits.disk_bytes, terms.folder)
        self.log = structlog.get_logger().bind()
        self.closing = False
        self.disk_low = disk_low
        self._on_event = on_event
        self._here: Counter[str] = Counter()
        self._guests: set[Guest] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._paces = {shop.name: Pace(shop.per_minute) for shop in terms.shops}
        self._bounce_paces = {s.name: Pace(self.limits.bounces_per_minute) for s in terms.shops}
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    def enter(self, guest: Guest, client: str) -> Reply | None:
        """Count a connection in; the reply that turns it away, if it has to leave."""
        self._guests.add(guest)
        self._empty.clear()
        self._here[client] += 1
        if self.closing:
            return replies.CLOSING_DOWN
        if len(self._guests) > self.limits.connections:
            return replies.BUSY
        if self._here[client] > self.limits.connections_per_ip:
            return replies.TOO_MANY_FROM_YOU
        return replies.DISK_LOW if self.disk_low() else None

    def leave(self, guest: Guest, client: str) -> None:
        """Count a connection out."""
        self._guests.discard(guest)
        self._here[client] -= 1
        if not self._here[client]:
            del self._here[client]
        if not self._guests:
            self._empty.set()

    def in_time(self, purpose: Purpose) -> bool:
        """Whether one more message for this purpose is within the shop's pace."""
        bounce = purpose.mode is IntakeMode.BOUNCE
        paces = self._bounce_paces if bounce else self._paces
        return purpose.shop not in paces or paces[purpose.shop].step(
            asyncio.get_running_loop().time()
        )

    async def close(self, drain_s: float) -> None:
        """Greet nobody any more; give the messages in hand so many seconds, then cut off."""
        self.closing = True
        for guest in tuple(self._guests):
            guest.close_soon()
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._empty.wait()
        await asyncio.gather(*(guest.cut_off() for guest in tuple(self._guests)))

    def turn(self, size: int) -> AbstractAsyncContextManager[object]:
        """Held while a message of `size` bytes is whole in memory."""
        return self._large if size > MOST_IN_MEMORY else nullcontext()

    def tell(self, event: Event, shop: str | None, **facts: object) -> None:
        """Count and log one thing that happened; never what a message holds."""
        self._on_event(event, shop)
        self.log.info(_LINES[event], shop=shop, **facts)
