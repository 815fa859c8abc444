"""What waits to be sent, by route, and what waits for a person, by shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger import attempts, backlog
from daemon.ledger.backlog import RouteBacklog, Stuck
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.attempt_samples import received
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from daemon.ledger import Ledger


async def test_each_route_has_what_waits_and_what_is_in_hand(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await received(conn, queued_at=NOON + MINUTE)
        await attempts.claim(conn, holder="me", now=NOON, lease_until=NOON + MINUTE, limit=1)
        await received(conn, due_at=NOON + HOUR)
        await received(conn, state=AttemptState.DEFERRED, due_at=NOON + MINUTE)
        await received(conn, attempt=None)
        await received(conn, shop="hats", route="backup")
    async with ledger.read() as conn:
        hats, tea = await backlog.by_route(conn)
        assert await backlog.by_route(conn, shop="tea") == [tea]
        assert await backlog.by_route(conn, shop="rugs") == []
    assert tea == RouteBacklog("tea", "relay", 2, 1, NOON, NOON + MINUTE)
    assert (hats.shop, hats.route, hats.waiting, hats.in_hand) == ("hats", "backup", 1, 0)


async def test_a_route_with_all_in_hand_waits_for_nothing(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await received(conn)
        await attempts.claim(conn, holder="me", now=NOON, lease_until=NOON + MINUTE, limit=1)
    async with ledger.read() as conn:
        [row] = await backlog.by_route(conn)
    assert (row.waiting, row.in_hand, row.next_due_at) == (0, 1, None)


async def test_what_only_a_person_ends_is_counted_by_shop(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for state in (MailState.HELD, MailState.HELD, MailState.IN_DOUBT, MailState.BOUNCED):
            await received(conn, mail_state=state, attempt=None)
        await received(conn, shop="hats", mail_state=MailState.HELD, attempt=None)
    async with ledger.read() as conn:
        assert await backlog.stuck(conn, shop="tea") == [
            Stuck("tea", MailState.HELD, 2, NOON),
            Stuck("tea", MailState.IN_DOUBT, 1, NOON),
        ]
        everybodys = [(row.shop, row.mails) for row in await backlog.stuck(conn)]
        assert everybodys == [("hats", 1), ("tea", 2), ("tea", 1)]
        assert await backlog.by_route(conn) == []
