"""Hours in which a contact wants to be left alone, by the clock on the contact's own wall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime, time


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until before `end`, every day; `end` before `start` spans midnight.

    The wall clock decides at every instant, so a change to or from summer time neither adds nor
    loses an hour that a person would notice. Equal ends mean no quiet at all.
    """

    start: time
    end: time

    def hold(self, now: datetime, zone: str) -> bool:
        """Whether it is quiet at `now` where the clocks show `zone`, an IANA name."""
        wall = now.astimezone(ZoneInfo(zone)).time()
        if self.start <= self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end
