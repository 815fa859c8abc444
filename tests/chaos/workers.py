"""A child that stops itself while it sends, again and again, and keeps a record of its writes."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from daemon.ledger import attempts
from daemon.ledger.attempts import Moves
from daemon.rounds import send_mail
from daemon.rounds.carry_mail import Point
from tests.chaos.points import LATEST_VISIT, ONCE_A_LIFE, POINTS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from daemon.ledger.attempts import Claimed, Settled
    from daemon.ledger.database import Ledger

LEASE_S, HEARTBEAT_S, LOOK_S = 0.6, 0.1, 0.03
_real_claim = attempts.claim_now


def hurry(*, eager: bool) -> None:
    """Shorter leases than 60 s and heartbeats than 15 s; who is eager looks for mail first."""
    send_mail.LEASE_S, send_mail.HEARTBEAT_S = LEASE_S, HEARTBEAT_S
    if eager:
        send_mail.LOOK_S = LOOK_S


class Record:
    """One line for each event, written at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, **event: Any) -> None:
        os.write(self._file, json.dumps(event).encode() + b"\n")

    def claims(self) -> None:
        """Note every claim from now on."""

        def claim(conn: Connection, **terms: Any) -> list[Claimed]:
            found = _real_claim(conn, **terms)
            for one in found:
                self(claimed=one.attempt, fence=one.fence, at=time.monotonic())
            return found

        attempts.claim_now = claim


class Watched(Moves):
    """Notes what becomes of each move. A careless one does not heed what it is told."""

    def __init__(self, ledger: Ledger, record: Record, *, careless: bool) -> None:
        super().__init__(ledger)
        self._record, self._careless = record, careless

    async def data_sent(self, claimed: Claimed) -> bool:
        asked = time.monotonic()
        made = await super().data_sent(claimed)
        self._note(claimed, asked, made=made)
        return made or self._careless

    async def settle(self, claimed: Claimed, settled: Settled) -> bool:
        asked = time.monotonic()
        made = await super().settle(claimed, settled)
        self._note(claimed, asked, made=made)
        return made

    async def begin(self, claimed: Claimed, **times: Any) -> bool:
        asked = time.monotonic()
        made = await super().begin(claimed, **times)
        self._note(claimed, asked, made=made)
        return made

    def _note(self, claimed: Claimed, asked: float, *, made: bool) -> None:
        self._record(moved=claimed.attempt, fence=claimed.fence, asked=asked, made=made)


class Stopping:
    """Stops the process at the n-th visit of a point, and chooses anew at the next claim."""

    def __init__(self, stops: Record) -> None:
        self._stops = stops
        self._choose()

    def __call__(self, here: str) -> None:
        self._armed |= here == Point.CLAIMED
        self._visits[here] += self._armed
        if here != self._point or self._visits[here] != self._visit:
            return
        stopped = time.monotonic()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._stops(point=here, stopped=stopped, resumed=time.monotonic())
        self._choose()

    def _choose(self) -> None:
        self._point = random.choice(list(POINTS))
        self._visit = 1 if self._point in ONCE_A_LIFE else random.randint(1, LATEST_VISIT)
        self._visits: Counter[str] = Counter()
        self._armed = False
