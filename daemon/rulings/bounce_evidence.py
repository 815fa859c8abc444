"""Order mail that came back by the sender's fault, as evidence about its lane.

It says what a probe that went missing says, of customers' mail and of no seed: it moves the belief
in the route, and no baseline. Bounces of one mail are one, and so many an hour are enough: whoever
can forge one can forge a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.rulings.lanes import CameBack
from daemon.rulings.standing import weigh_bounce

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.rulings.lanes import Lane, LaneKey
    from daemon.rulings.thresholds import Thresholds

AUTHENTICATION = "authentication"
"""The reason of a bounce that says that the mail could not prove its author (RFC 7372)."""


@dataclass(frozen=True, slots=True)
class OrderBounce:
    """A bounce that came at `at`, of a mail that its lane handed over at `sent_at`; both in UTC.

    `reason` is one of the keys of `daemon.rulings.bounces.MEANINGS`.
    """

    lane: LaneKey
    mail: str
    sent_at: datetime
    at: datetime
    reason: str


def take_in(lane: Lane, bounce: OrderBounce, thresholds: Thresholds) -> bool:
    """Believe the bounce; whether it says anything new.

    What was sent before the last incident closed speaks of that incident, which is over.
    """
    at, window = bounce.at.timestamp(), thresholds.bounce_min * 60
    newest = max([at, *(known.at for known in lane.returned)])
    lately = [known for known in lane.returned if known.at >= newest - window]
    told = bounce.mail in {known.mail for known in lately} or len(lately) >= thresholds.bounces_most
    if told or at < newest - window or bounce.sent_at.timestamp() <= lane.closed_at:
        return False
    lane.returned = [*lately, CameBack(bounce.mail, at, bounce.reason == AUTHENTICATION)]
    lane.standing = weigh_bounce(lane.standing, at, thresholds)
    lane.straight, lane.since = 0, min(at, lane.since or at)
    return True


def unsupported(lane: Lane, thresholds: Thresholds) -> bool:
    """Whether nothing but a bounce or two speaks against the lane: that opens no incident."""
    if not 0 < len(lane.returned) < thresholds.bounces_needed or lane.since is None:
        return False
    return not any(receipt.bad for receipt in lane.receipts(lane.since))
