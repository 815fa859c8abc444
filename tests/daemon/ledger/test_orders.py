"""An order is known by its shop and number, and its mails hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger import Ledger, mails, messages, orders
from daemon.ledger.orders import FoundOrder
from tests.daemon.ledger.arrival_samples import arrival, intake
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.orders import OrderRow


async def seen(
    conn: AsyncConnection, order: str, found: FoundOrder, *, shop: str = "tea", minute: int = 0
) -> OrderRow:
    at = NOON + minute * MINUTE
    stored = await conn.run_sync(orders.upsert, order, shop=shop, found=found, at=at)
    row = await orders.get(conn, stored)
    assert row
    return row


async def test_what_is_known_of_an_order_grows_and_is_not_overwritten(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        bare = await seen(conn, "A", FoundOrder("1001", "header"))
        assert (bare.id, bare.customer, bare.customer_name) == ("A", None, None)
        ann = FoundOrder("1001", "json-ld", "ann@gmail.example", "Ann")
        assert (await seen(conn, "B", ann, minute=5)).customer == "ann@gmail.example"
        bob = FoundOrder("1001", "json-ld", "bob@gmail.example", "Bob")
        row = await seen(conn, "C", bob, minute=-5)
        assert (row.id, row.customer, row.customer_name) == ("A", "ann@gmail.example", "Ann")
        assert row.first_seen_at == NOON - 5 * MINUTE
        assert len(await orders.list(conn, shop="tea", limit=9)) == 1


async def test_the_same_number_in_two_shops_is_two_orders(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for order, shop in (("A", "tea"), ("B", "rugs")):
            await seen(conn, order, FoundOrder("1001", "header"), shop=shop)
        assert [row.id for row in await orders.by_number(conn, "1001")] == ["B", "A"]
        assert [row.id for row in await orders.by_number(conn, "1001", shop="tea")] == ["A"]
        assert await orders.by_number(conn, "1001", shop="nobody") == ()
        assert await orders.get(conn, "A", shop="rugs") is None
        assert await orders.get(conn, "A", shop="tea") is not None


async def test_the_newest_orders_come_first(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for minute, shop in enumerate(["tea", "rugs", "tea"]):
            found = FoundOrder(str(minute), "header")
            await seen(conn, f"O{minute}", found, shop=shop, minute=minute)
        everybody = await orders.list(conn, shop=None, limit=2)
        assert [row.id for row in everybody] == ["O2", "O1"]
        assert [row.id for row in await orders.list(conn, shop="tea", limit=9)] == ["O2", "O0"]


async def test_several_mails_of_one_order_hang_together(ledger: Ledger) -> None:
    arrivals = intake(ledger)
    found = FoundOrder("1001", "header")
    ids = [(await arrivals.take(arrival(n, received_at=NOON + n * HOUR))).message for n in range(3)]
    async with ledger.write() as conn:
        for message in reversed(ids):
            await messages.mark_read(conn, message, at=NOON, order=found)
        [order] = await orders.by_number(conn, "1001", shop="tea")
        assert order.first_seen_at == NOON
        of_order = await mails.of_order(conn, order.id)
        assert [mail.message for mail in of_order] == ids
        assert await mails.of_order(conn, order.id, shop="rugs") == []
    await arrivals.close()
