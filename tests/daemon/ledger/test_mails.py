"""A mail is found by what a person remembers of it, by its own shop alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daemon.ledger import Ledger, mails, messages
from daemon.ledger.orders import FoundOrder
from tests.daemon.ledger.arrival_samples import arrival, intake
from tests.daemon.ledger.samples import MINUTE, NOON

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@pytest.fixture
async def shelf(ledger: Ledger) -> dict[str, str]:
    """Three receipts of two shops, read; the ids of their mails by customer."""
    arrivals = intake(ledger)
    ids = {}
    for minute, (shop, customer) in enumerate([("tea", "ann"), ("tea", "b_b"), ("rugs", "ann")]):
        facts: dict[str, Any] = {"recipients": (f"{customer}@gmail.example",), "shop": shop}
        at = NOON + minute * MINUTE
        new = arrival((shop, customer), message_id=f"{minute}@x", received_at=at, **facts)
        taken = await arrivals.take(new)
        async with ledger.write() as conn:
            order = FoundOrder(f"{shop}-100{minute}", "header")
            subject = f"Thank you, {customer}: 100% tea"
            await messages.mark_read(conn, taken.message, at=at, subject=subject, order=order)
            [mail] = await mails.of_message(conn, taken.message)
        ids[f"{customer} of {shop}"] = mail.id
    await arrivals.close()
    return ids


async def found(conn: AsyncConnection, text: str, shop: str | None = None) -> list[str]:
    return [row.id for row in await mails.search(conn, text, shop=shop, limit=9)]


async def test_a_mail_is_found_by_recipient_order_subject_or_message_id(
    ledger: Ledger, shelf: dict[str, str]
) -> None:
    tea, rugs = shelf["ann of tea"], shelf["ann of rugs"]
    async with ledger.read() as conn:
        for text in ("ANN@gmail", "thank you, Ann"):
            assert await found(conn, text) == [rugs, tea]
        assert await found(conn, "tea-1000") == [tea]
        assert await found(conn, "2@x") == [rugs]
        assert len(await found(conn, "")) == 3
        assert len(await mails.search(conn, "", limit=2)) == 2
        assert await found(conn, "nobody") == []


async def test_what_a_person_types_is_no_pattern(ledger: Ledger, shelf: dict[str, str]) -> None:
    async with ledger.read() as conn:
        assert await found(conn, "b_b@") == [shelf["b_b of tea"]]
        assert await found(conn, "a_n@") == []
        assert len(await found(conn, "100%")) == 3
        assert await found(conn, "T%u") == []


async def test_a_mail_is_shown_to_its_own_shop_alone(ledger: Ledger, shelf: dict[str, str]) -> None:
    mail = shelf["ann of tea"]
    async with ledger.read() as conn:
        row = await mails.get(conn, mail, shop="tea")
        assert row
        assert (row.recipient, row.generation) == ("ann@gmail.example", 1)
        assert row.provider is row.why is None
        assert await mails.get(conn, mail) == row
        assert await mails.get(conn, mail, shop="rugs") is None
        assert await mails.of_message(conn, row.message, shop="rugs") == []
        assert await found(conn, "ann", shop="tea") == [mail]
