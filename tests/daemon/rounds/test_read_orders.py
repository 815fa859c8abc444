"""What was taken in is read once, in a worker: its order, its customer, whose mail a copy is."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from daemon.intake.orders.terms import OrderTerms
from daemon.ledger import mails, messages, orders
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.states import Reading
from daemon.lifecycles.arrival import Arrival, IntakeMode
from daemon.lifecycles.order_mail import MailState
from daemon.rounds.read_orders import OrderReader
from probes.worker import Worker, WorkerNotStarted
from tests.daemon.intake.orders.wrapping import message, mixed, part, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.ledger.mails import MailRow
    from daemon.ledger.messages import MessageRow
    from daemon.rounds.surroundings import Surroundings

SHOP, COPY_TO, CUSTOMER = "tea", "copies@watch.test", "jane@customer.test"
SLOW = OrderTerms(number=(r"(?:x|x)*(y)",))
RECEIPT = text("Your order number is 4711.", "Thank you")

# what these are about is no matter of the database
on_sqlite = pytest.mark.parametrize("around", ["sqlite"], indirect=True)


class Post:
    """Hands messages in as the intake does, and looks at what became of them."""

    def __init__(self, around: Surroundings) -> None:
        self.around, self._seconds = around, 0
        self._arrivals = Arrivals(around.ledger, routes={SHOP: "relay", "slow": "relay"})

    async def bring(
        self,
        raw: bytes,
        *recipients: str,
        shop: str = SHOP,
        mode: IntakeMode = IntakeMode.RELAY,
        message_id: str | None = None,
    ) -> str:
        self._seconds += 1
        arrival = Arrival(
            shop=shop,
            mode=mode,
            mail_from="bounces@shop.test",
            recipients=recipients or (CUSTOMER,),
            client="192.0.2.1",
            helo="shop.test",
            login=None,
            smtputf8=False,
            received_at=self.around.clock.now() + timedelta(seconds=self._seconds),
            message_id=message_id,
            dedupe=hashlib.sha256(raw + repr((recipients, message_id)).encode()).digest(),
            sha256=hashlib.sha256(raw).digest(),
            raw=raw,
        )
        return (await self._arrivals.take(arrival)).message

    async def copy(self, raw: bytes) -> str:
        return await self.bring(raw, COPY_TO, mode=IntakeMode.COPY)

    async def message(self, name: str) -> MessageRow:
        async with self.around.ledger.read() as conn:
            row = await messages.get(conn, name)
        assert row
        return row

    async def mails(self, name: str) -> list[MailRow]:
        async with self.around.ledger.read() as conn:
            rows = await mails.of_message(conn, name)
        return sorted(rows, key=lambda row: row.recipient)

    async def unread(self) -> int:
        async with self.around.ledger.read() as conn:
            return len(await messages.unread(conn, limit=100))

    async def close(self) -> None:
        await self._arrivals.close()


@pytest.fixture
async def post(around: Surroundings) -> AsyncIterator[Post]:
    post = Post(around)
    yield post
    await post.close()


@pytest.fixture
async def reader(around: Surroundings) -> AsyncIterator[OrderReader]:
    terms = {SHOP: OrderTerms(own=("shop.test",)), "slow": SLOW}
    reader = OrderReader(around, terms, own=[COPY_TO], budget_s=1.0)
    yield reader
    await reader.close()


async def test_a_receipt_that_is_sent_on_belongs_to_its_order_from_then_on(
    post: Post, reader: OrderReader
) -> None:
    name = await post.bring(RECEIPT)
    assert await reader.run_once() == 1
    row = await post.message(name)
    assert (row.reading, row.problem) == (Reading.READ, None)
    assert (row.subject, row.sender) == ("Thank you", "orders@shop.test")
    assert row.matched_by == "pattern body"
    async with post.around.ledger.read() as conn:
        [order] = await orders.by_number(conn, "4711", shop=SHOP)
    assert (row.order, order.customer) == (order.id, CUSTOMER)
    [mail] = await post.mails(name)
    assert (mail.order, mail.state) == (order.id, MailState.RECEIVED)
    assert await reader.run_once() == 0


@on_sqlite
async def test_a_message_without_an_order_is_kept_and_shown_as_such(
    post: Post, reader: OrderReader
) -> None:
    name = await post.bring(text("Your code is 123456.", "New password"))
    await reader.run_once()
    row = await post.message(name)
    assert (row.reading, row.order, row.matched_by) == (Reading.READ, None, None)
    assert row.subject == "New password"


async def test_a_blind_copy_is_the_mail_of_each_customer_it_names(
    post: Post, reader: OrderReader
) -> None:
    raw = message(
        "Order number: 4711",
        "Cc: Joe <joe@customer.test>, staff@shop.test, copies@watch.test, JANE@customer.test",
        to='"Doe, Jane" <jane@customer.test>, orders@shop.test',
    )
    name = await post.copy(raw)
    assert await post.mails(name) == []
    await reader.run_once()
    found = await post.mails(name)
    assert [mail.recipient for mail in found] == ["jane@customer.test", "joe@customer.test"]
    assert {mail.state for mail in found} == {MailState.WATCHED}
    assert {mail.order for mail in found} == {(await post.message(name)).order}


@on_sqlite
async def test_a_copy_that_names_nobody_is_whose_a_mail_server_noted(
    post: Post, reader: OrderReader
) -> None:
    to = "undisclosed-recipients:;"
    noted = await post.copy(message("Hello", f"X-Original-To: {CUSTOMER}", to=to))
    nobody = await post.copy(message("Hello again", f"X-Original-To: {COPY_TO}", to=to))
    await reader.run_once()
    assert [mail.recipient for mail in await post.mails(noted)] == [CUSTOMER]
    assert await post.mails(nobody) == []


@on_sqlite
async def test_of_an_exchange_journal_the_mail_inside_is_read_for_whom_the_report_names(
    post: Post, reader: OrderReader
) -> None:
    report = (
        "Sender: orders@shop.test\nSubject: Thank you\nMessage-Id: <1@shop.test>\n"
        "To: jane@customer.test\nBcc: hidden@customer.test\n"
        "Recipient: joe@customer.test, Expanded: friends@customer.test\n"
        "Recipient: boss@shop.test\n"
    )
    journal = mixed(part(report, "text/plain"), part(RECEIPT, "message/rfc822"), kind="mixed")
    name = await post.copy(b"X-MS-Journal-Report:\r\n" + journal)
    await reader.run_once()
    recipients = [mail.recipient for mail in await post.mails(name)]
    assert recipients == ["hidden@customer.test", "jane@customer.test", "joe@customer.test"]
    row = await post.message(name)
    assert (row.subject, row.matched_by) == ("Thank you", "pattern body")


@on_sqlite
async def test_the_customer_is_the_one_it_was_written_to_and_never_the_shops_staff(
    post: Post, reader: OrderReader
) -> None:
    to = "undisclosed-recipients:;"
    await post.bring(text("Order number 100"), "boss@shop.test")
    await post.bring(text("Order number 200", to="boss@shop.test"), "boss@shop.test")
    await post.bring(text("Order number 300", to=to), "joe@customer.test")
    await post.bring(text("Order number 400", to=to), "joe@customer.test", "ann@customer.test")
    await reader.run_once()
    async with post.around.ledger.read() as conn:
        found = {o.number: o.customer for o in await orders.list(conn, shop=SHOP, limit=10)}
    assert found == {"100": CUSTOMER, "200": None, "300": "joe@customer.test", "400": None}


@on_sqlite
async def test_one_message_id_with_other_content_is_kept_and_flagged(
    post: Post, reader: OrderReader
) -> None:
    first = await post.bring(RECEIPT, message_id="1@shop.test")
    again = await post.bring(RECEIPT, message_id="1@shop.test")
    other = await post.bring(RECEIPT + b"Ha.\r\n", message_id="1@shop.test")
    await reader.run_once()
    assert first == again
    assert (await post.message(first)).twin is None
    assert (await post.message(other)).twin == first


@on_sqlite
async def test_a_message_over_its_budget_is_marked_with_the_reason_and_the_next_goes_on(
    post: Post, reader: OrderReader
) -> None:
    slow = await post.bring(text("x" * 60), shop="slow")
    good = await post.bring(RECEIPT)
    assert await reader.run_once() == 2
    row = await post.message(slow)
    assert (row.reading, row.problem) == (Reading.UNPARSED, "took longer than 1 s")
    assert (await post.message(good)).reading is Reading.READ
    assert await reader.run_once() == 0


@on_sqlite
async def test_a_message_that_breaks_a_cap_keeps_what_was_sound_in_it(
    post: Post, reader: OrderReader
) -> None:
    field = 'Content-Type: multipart/mixed; boundary="b"'
    hostile = message(b"--b\r\n\r\nx\r\n" * 10_000, "X-Order-ID: 77", field)
    name = await post.copy(hostile)
    await reader.run_once()
    row = await post.message(name)
    assert (row.reading, row.problem) == (Reading.UNPARSED, "it has more than 1000 parts")
    assert (row.subject, row.matched_by) == ("Hello", "header")
    assert [mail.recipient for mail in await post.mails(name)] == [CUSTOMER]


@on_sqlite
async def test_a_worker_that_somebody_killed_costs_no_message(
    post: Post, reader: OrderReader
) -> None:
    await post.bring(text("Hello"))
    await reader.run_once()
    pid = reader._worker.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    name = await post.bring(RECEIPT)
    reading = asyncio.create_task(reader.run_once())
    async with asyncio.timeout(10):
        while not reader._worker._turn.locked():
            await asyncio.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert await reading == 1
    assert (await post.message(name)).reading is Reading.READ
    assert reader._worker.pid != pid


@on_sqlite
async def test_where_no_worker_comes_up_messages_wait_and_are_read_later(
    post: Post, reader: OrderReader
) -> None:
    name = await post.bring(RECEIPT)
    works, reader._worker = reader._worker, Worker("tests.nothing:begin", budget_s=1)
    with pytest.raises(WorkerNotStarted):
        await reader.run_once()
    assert await post.unread() == 1
    reader._worker = works
    await reader.run_once()
    assert (await post.message(name)).reading is Reading.READ


@on_sqlite
async def test_a_message_of_a_shop_that_left_the_settings_is_read_all_the_same(
    post: Post, around: Surroundings
) -> None:
    reader = OrderReader(around, {})
    try:
        name = await post.copy(text("Order number 123", to=f"{COPY_TO}, {CUSTOMER}"))
        await reader.run_once()
        assert (await post.message(name)).matched_by == "pattern body"
        assert [mail.recipient for mail in await post.mails(name)] == [CUSTOMER]
    finally:
        await reader.close()


async def test_more_than_a_batch_is_read_in_one_round(post: Post, reader: OrderReader) -> None:
    for n in range(120):
        await post.bring(text(f"Your order number is 1{n:03}."))
    assert await reader.run_once() == 120
    async with post.around.ledger.read() as conn:
        assert len(await orders.list(conn, shop=SHOP, limit=500)) == 120
