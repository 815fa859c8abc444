"""Our way out in a process of its own: fills a ledger, waits for a line, sends all that is queued.

`python -m tests.bench._mail_sender URL PORT COUNT SIZE CONNECTIONS` says "ready" when the queue is
full, and when it is empty the seconds from the first accepted message to the last, and the
processor's seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from datetime import UTC, datetime

import uvloop

from daemon import logs
from daemon.clock import Clock
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import Moves
from daemon.ledger.database import Ledger
from daemon.lifecycles.arrival import Arrival, IntakeMode
from daemon.metrics import Metrics
from daemon.outbound.connection import Terms
from daemon.outbound.pool import Pool
from daemon.rounds.send_mail import MailSender
from daemon.rounds.surroundings import Surroundings
from daemon.rounds.ways_out import WayOut
from probes.endpoint import Endpoint, Tls

AT_ONCE = 200
HEAD = b"From: orders@shop.example\r\nTo: ada@customer.example\r\nSubject: Order %d\r\n\r\n"
LINE = b"x" * 76 + b"\r\n"


class Course:
    """Counts accepted messages, and when the first and the last of them came."""

    def __init__(self, count: int) -> None:
        self._left = count
        self.first = self.last = 0.0
        self.over = asyncio.Event()

    def accepted(self, _shop: str, _route: str, _seconds: float) -> None:
        """One more."""
        self.last = time.monotonic()
        self.first = self.first or self.last

    def ended(self, _shop: str, _route: str, choice: str, reason: str) -> None:
        """One fewer to go."""
        if choice != "accepted":
            raise RuntimeError(f"{choice}: {reason}")
        self._left -= 1
        if not self._left:
            self.over.set()

    def tried(self, _shop: str, _route: str, _outcome: str) -> None:
        """Not counted."""

    def unsigned(self, _shop: str, _route: str) -> None:
        """Not counted."""


async def fill(ledger: Ledger, count: int, size: int) -> None:
    """Take in that many messages, each of its own text."""
    arrivals = Arrivals(ledger, routes={"shop": "primary"})
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        await asyncio.gather(*(arrivals.take(_arrival(number, size)) for number in numbers))
    await arrivals.close()


def _arrival(number: int, size: int) -> Arrival:
    raw = HEAD % number + LINE * (size // len(LINE))
    digest = hashlib.sha256(raw).digest()
    return Arrival(
        shop="shop",
        mode=IntakeMode.RELAY,
        mail_from="orders@shop.example",
        recipients=("ada@customer.example",),
        client="127.0.0.1",
        helo="shop.example",
        login=None,
        smtputf8=False,
        received_at=datetime.now(UTC),
        message_id=f"{number}@shop.example",
        dedupe=digest,
        sha256=digest,
        raw=raw,
    )


async def main(url: str, port: int, count: int, size: int, connections: int) -> None:
    """Fill, wait, send, tell."""
    ledger, clock = await Ledger.open(url), Clock()
    await ledger.migrate()
    await fill(ledger, count, size)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    course, moves, used = Course(count), Moves(ledger), time.process_time()
    terms = Terms(Endpoint("127.0.0.1", port, Tls.NONE), None, "shop.example", clock.now)
    sender = MailSender(
        Surroundings(ledger, clock, Metrics("bench")),
        moves=moves,
        ways={("shop", "primary"): WayOut(Pool(terms, connections), connections)},
        holder="bench",
        tally=course,
    )
    running = asyncio.create_task(sender.run(lambda: None))
    await course.over.wait()
    print(course.last - course.first, time.process_time() - used, flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await moves.close()
    await ledger.close()


if __name__ == "__main__":
    logs.setup(as_json=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], *map(int, sys.argv[2:])))
