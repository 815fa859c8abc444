"""The points of a delivery between which it matters whether its process dies, in their order."""

from __future__ import annotations

from daemon.rounds.carry_mail import Point
from probes.smtp_transaction import Station

POINTS: dict[str, str] = {
    Point.CLAIMED: "claimed",
    Point.BEGUN: "begun, on record",
    Station.CONNECTED: "connected",
    Station.MAIL: "MAIL answered",
    Station.RCPT: "RCPT answered",
    Station.DATA: "DATA answered",
    Station.DOT: "final dot written",
    Station.REPLIED: "250 read",
    Point.COMMITTED: "outcome on record",
}
ONCE_A_LIFE = {Point.CLAIMED.value, Station.CONNECTED.value}
"""Where a child comes once for many mails."""
LATEST_VISIT = 10
"""Of the other points."""
