"""A ledger with order mail in it, scripted servers to send it to, and a sender in between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from daemon.ledger import attempts, mails
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import Moves
from daemon.outbound.connection import Terms
from daemon.outbound.pool import Pool
from daemon.rounds.send_mail import MailSender
from daemon.rounds.ways_out import WayOut
from probes.endpoint import Endpoint, Tls
from tests.daemon.ledger.arrival_samples import arrival

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from daemon.ledger.attempts import Past
    from daemon.ledger.mails import MailRow
    from daemon.rounds.carry_mail import Point
    from daemon.rounds.surroundings import Surroundings
    from tests.daemon.rounds.conftest import HeldClock
    from tests.probes.smtp_script import ScriptedSmtp

SHOP = "tea"
PATIENCE_S = 10.0


@dataclass
class Tallied:
    """What was counted."""

    lines: list[tuple[str, ...]] = field(default_factory=list)

    def tried(self, shop: str, route: str, outcome: str) -> None:
        self.lines.append(("tried", shop, route, outcome))

    def ended(self, shop: str, route: str, choice: str, reason: str) -> None:
        self.lines.append(("ended", shop, route, choice, reason))

    def accepted(self, shop: str, route: str, seconds: float) -> None:
        assert seconds >= 0
        self.lines.append(("accepted", shop, route))

    def unsigned(self, shop: str, route: str) -> None:
        self.lines.append(("unsigned", shop, route))


@dataclass
class PostOffice:
    """`ways` are the shops' routes in their order; a shop's first one is its primary."""

    around: Surroundings
    ways: dict[tuple[str, str], WayOut]
    tally: Tallied = field(default_factory=Tallied)
    holder: str = "me"
    reached: Callable[[Point], None] = lambda _point: None

    def __post_init__(self) -> None:
        self.ledger = self.around.ledger
        primaries = dict(reversed(self.ways))
        self.arrivals = Arrivals(self.ledger, routes=primaries)
        self.moves = Moves(self.ledger)
        self.sender = MailSender(
            self.around,
            moves=self.moves,
            ways=self.ways,
            holder=self.holder,
            tally=self.tally,
            reached=self.reached,
        )

    @property
    def clock(self) -> HeldClock:
        return self.around.clock  # type: ignore[return-value] # the fixture's

    async def take_in(self, name: object = 1, **changes: Any) -> str:
        """A message's first mail, whose attempt is due now; its id."""
        one = replace(arrival(name), received_at=self.clock.now(), **changes)
        taken = await self.arrivals.take(one)
        self.sender.wake()
        async with self.ledger.read() as conn:
            return (await mails.of_message(conn, taken.message))[0].id

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The sender runs while within."""
        running = asyncio.create_task(self.sender.run(lambda: None))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def mail(self, mail: str) -> MailRow:
        async with self.ledger.read() as conn:
            row = await mails.get(conn, mail)
        assert row
        return row

    async def past(self, mail: str) -> list[Past]:
        async with self.ledger.read() as conn:
            return await attempts.history(conn, mail)

    async def until(self, mail: str, state: str, attempts: int = 1) -> list[Past]:
        """Wait until the mail's newest of so many attempts is in that state."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                past = await self.past(mail)
                if len(past) >= attempts and past[-1].attempt.state == state:
                    return past
                await asyncio.sleep(0.01)

    def later(self, **time: float) -> None:
        """So much time passes."""
        self.clock.pass_(**time)
        self.sender.wake()

    async def close(self) -> None:
        await self.moves.close()
        await self.arrivals.close()


def way(
    around: Surroundings,
    server: ScriptedSmtp | int,
    *,
    connections: int = 2,
    timeout_s: float = 5.0,
    **named: Any,
) -> WayOut:
    """A way out to a scripted server, or to a port where nobody is."""
    port = server if isinstance(server, int) else server.port
    endpoint = Endpoint("127.0.0.1", port, Tls.NONE, timeout_s=timeout_s)
    terms = Terms(endpoint, None, "out.tea.example", around.clock.now, final_s=timeout_s)
    return WayOut(Pool(terms, connections), connections, **named)


def made(
    around: Surroundings, ways: Mapping[Any, ScriptedSmtp | int | WayOut]
) -> dict[tuple[str, str], WayOut]:
    """The ways out; a name alone is a route of the usual shop's."""
    return {
        (SHOP, name) if isinstance(name, str) else name: one
        if isinstance(one, WayOut)
        else way(around, one)
        for name, one in ways.items()
    }


@asynccontextmanager
async def post_office(
    around: Surroundings,
    ways: Mapping[Any, ScriptedSmtp | int | WayOut],
    **named: Any,
) -> AsyncIterator[PostOffice]:
    """An open post office; of `ways` each is a server, a port where nobody is, or a way out."""
    office = PostOffice(around, made(around, ways), **named)
    try:
        async with office.open():
            yield office
    finally:
        await office.close()
