"""What was taken in is read once, and what it is about is kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daemon.ledger import Ledger, mails, messages, orders, retention
from daemon.ledger.orders import FoundOrder
from daemon.ledger.states import Reading
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.arrival_samples import RECIPIENT, arrival, intake
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Take = Callable[..., Awaitable[str]]

ORDER = FoundOrder("1001", "pattern subject", RECIPIENT, "Ann")
READ_AT = NOON + MINUTE


@pytest.fixture
async def take(ledger: Ledger) -> AsyncIterator[Take]:
    """Takes a message in; its id."""
    arrivals = intake(ledger)

    async def taking(name: object = 1, **changes: Any) -> str:
        return (await arrivals.take(arrival(name, **changes))).message

    yield taking
    await arrivals.close()


async def test_what_is_unread_comes_in_order_and_once(ledger: Ledger, take: Take) -> None:
    late, early = await take(1, received_at=NOON + HOUR), await take(2, mode=IntakeMode.COPY)
    bounce = await take(3, mode=IntakeMode.BOUNCE, mail_from="", recipients=("b+1@tea.example",))
    async with ledger.write() as conn:
        assert [row.id for row in await messages.unread(conn, limit=9)] == [early, late]
        assert [row.id for row in await messages.unread(conn, limit=1)] == [early]
        [row] = await messages.unread_bounces(conn, limit=9)
        assert (row.id, row.mail_from, row.recipients) == (bounce, "", ("b+1@tea.example",))
        assert row.raw == arrival(3).raw
        for message in (late, early, bounce):
            assert await messages.mark_read(conn, message, at=READ_AT)
            assert not await messages.mark_read(conn, message, at=READ_AT, subject="other")
        assert await messages.unread(conn, limit=9) == []
        assert await messages.unread_bounces(conn, limit=9) == []
        row_now = await messages.get(conn, late)
        assert row_now
        assert (row_now.reading, row_now.subject) == (Reading.READ, None)


async def test_no_more_is_brought_into_memory_than_fits(
    ledger: Ledger, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MOST_OCTETS", 250)
    for name in range(4):
        await take(name, raw=b"x" * 100, received_at=NOON + name * MINUTE)
    huge = await take("huge", raw=b"x" * 999, received_at=NOON - MINUTE)
    async with ledger.write() as conn:
        assert [row.id for row in await messages.unread(conn, limit=9)] == [huge]
        await messages.mark_read(conn, huge, at=READ_AT)
        assert len(await messages.unread(conn, limit=9)) == 2


async def test_a_message_and_its_mails_belong_to_the_order_that_was_found(
    ledger: Ledger, take: Take
) -> None:
    message = await take(recipients=("ann@gmail.example", "bob@yahoo.example"))
    async with ledger.write() as conn:
        read: dict[str, Any] = {"subject": "Order 1001\0", "sender": "orders@tea.example"}
        assert await messages.mark_read(conn, message, at=READ_AT, order=ORDER, **read)
        row = await messages.get(conn, message)
        [order] = await orders.by_number(conn, "1001")
        assert row
        assert (row.order, row.matched_by) == (order.id, "pattern subject")
        assert (row.subject, row.sender) == ("Order 1001\ufffd", "orders@tea.example")
        assert (order.customer, order.customer_name) == (RECIPIENT, "Ann")
        assert order.first_seen_at == NOON
        assert len(await mails.of_order(conn, order.id)) == 2
        assert {mail.state for mail in await mails.of_message(conn, message)} == {
            MailState.RECEIVED
        }


async def test_a_message_without_an_order_stays_by_itself(ledger: Ledger, take: Take) -> None:
    message = await take()
    async with ledger.write() as conn:
        why: dict[str, Any] = {"reading": Reading.UNPARSED, "problem": "has more than 1,000 parts"}
        assert await messages.mark_read(conn, message, at=READ_AT, **why)
        row = await messages.get(conn, message)
        assert row
        assert (row.order, row.matched_by, row.twin) == (None, None, None)
        assert (row.reading, row.problem) == (Reading.UNPARSED, "has more than 1,000 parts")
        [mail] = await mails.of_message(conn, message)
        assert mail.order is None
        assert await orders.list(conn, shop=None, limit=9) == ()


async def test_the_customers_of_a_copy_are_watched_once_it_was_read(
    ledger: Ledger, take: Take
) -> None:
    message = await take(mode=IntakeMode.COPY, recipients=("copies@tea.example",))
    customers = ("ann@gmail.example", "bob@yahoo.example", "ann@gmail.example")
    async with ledger.write() as conn:
        copy: dict[str, Any] = {"at": READ_AT, "order": ORDER, "recipients": customers}
        assert await messages.mark_read(conn, message, **copy)
        assert not await messages.mark_read(conn, message, **copy)
        [order] = await orders.by_number(conn, "1001")
        watched = await mails.of_order(conn, order.id)
        assert {mail.recipient for mail in watched} == set(customers)
        assert {(mail.state, mail.generation) for mail in watched} == {(MailState.WATCHED, 1)}
        assert {(mail.received_at, mail.changed_at) for mail in watched} == {(NOON, READ_AT)}


async def test_who_else_a_relayed_message_names_gets_no_mail(ledger: Ledger, take: Take) -> None:
    message = await take()
    async with ledger.write() as conn:
        await messages.mark_read(conn, message, at=READ_AT, recipients=("cc@tea.example",))
        assert [mail.recipient for mail in await mails.of_message(conn, message)] == [RECIPIENT]


async def test_other_content_under_the_same_message_id_is_noticed(
    ledger: Ledger, take: Take
) -> None:
    same = {"message_id": "1@tea.example"}
    ids = [await take(n, received_at=NOON + n * MINUTE, **same) for n in range(3)]
    ids += [
        await take("other shop", shop="rugs", **same),
        await take("same content", sha256=arrival(0).sha256, received_at=NOON + HOUR, **same),
        await take("none", message_id=None),
        await take("none either", message_id=None),
    ]
    async with ledger.write() as conn:
        for message in reversed(ids):
            await messages.mark_read(conn, message, at=READ_AT)
        twins = [row.twin for row in [await messages.get(conn, id_) for id_ in ids] if row]
    assert twins == [None, ids[0], ids[0], None, ids[1], None, None]


async def test_a_message_is_shown_to_its_own_shop_alone(ledger: Ledger, take: Take) -> None:
    message = await take()
    async with ledger.read() as conn:
        for shop in (None, "tea"):
            row = await messages.get(conn, message, shop=shop)
            assert row
            assert row.recipients == (RECIPIENT,)
            assert await messages.raw(conn, message, shop=shop) == arrival().raw
        assert await messages.get(conn, message, shop="rugs") is None
        assert await messages.raw(conn, message, shop="rugs") is None


async def test_texts_that_nobody_needs_any_more_are_forgotten(ledger: Ledger, take: Take) -> None:
    read_copy, unread = await take(1, mode=IntakeMode.COPY), await take(2, mode=IntakeMode.COPY)
    relayed, new = await take(3), await take(4, mode=IntakeMode.COPY, received_at=NOON + HOUR)
    async with ledger.write() as conn:
        for message in (read_copy, relayed, new):
            await messages.mark_read(conn, message, at=READ_AT, recipients=(RECIPIENT,))
        assert await retention.forget_messages(conn, NOON + MINUTE) == 1
        assert await retention.forget_messages(conn, NOON + MINUTE) == 0
        assert await messages.raw(conn, read_copy) is None
        assert await messages.get(conn, read_copy) is not None
        for message in (unread, relayed, new):
            assert await messages.raw(conn, message) is not None
