"""Mail written to hang, bloat or fool whoever looks for its order (rows 20, 22, 23, 25, 26, 37)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daemon.intake.orders.reading import read_order
from daemon.intake.orders.terms import OrderTerms
from daemon.intake.orders.verdict import Reading
from daemon.intake.orders.work import BEGIN
from probes.worker import Worker
from tests.daemon.intake.orders.wrapping import html, linked, message, text
from tests.hostile.hostile_orders import READABLE, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WITHIN_S = 1.0
WITHIN_BYTES = 100 * 1024**2
NAIVE = OrderTerms(
    number=(r"(\d+)\s*is your order", r"Order.*?(\d+) foo", r"(\w+)-order", r"\s+(\d+)\s+$"),
    customer=(r"(\S+@\S+\.\S+) wrote",),
)


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    terms = {"plain": OrderTerms().as_json(), "naive": NAIVE.as_json()}
    settings = {"shops": terms, "strangers": OrderTerms().as_json()}
    worker = Worker(BEGIN, settings, budget_s=30, memory=512 * 1024**2)
    await ask(worker, b"")
    yield worker
    await worker.close()


async def ask(worker: Worker, raw: bytes, shop: str = "plain") -> Reading:
    return Reading.from_json(await worker.ask({"shop": shop, "envelope": []}, raw))


async def within_caps(worker: Worker, name: str, raw: bytes, shop: str) -> Reading:
    pid, started = worker.pid, time.monotonic()
    reading = await ask(worker, raw, shop)
    assert time.monotonic() - started < WITHIN_S, name
    assert worker.pid == pid, f"{name}: the worker died"
    assert peak(worker) < WITHIN_BYTES, name
    return reading


def peak(worker: Worker) -> int:
    """The most memory that the worker ever had, in bytes."""
    status = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


async def test_what_breaks_a_cap_is_told_with_its_reason_in_time_and_memory(worker: Worker) -> None:
    for name, raw in UNREADABLE.items():
        reading = await within_caps(worker, name, raw, "plain")
        assert reading.problem, name
        assert "broke down" not in reading.problem, (name, reading.problem)


@pytest.mark.parametrize("shop", ["plain", "naive"])
async def test_all_else_is_read_in_time_and_memory_and_names_no_order(
    worker: Worker, shop: str
) -> None:
    for name, raw in READABLE.items():
        reading = await within_caps(worker, name, raw, shop)
        assert (reading.problem, reading.order) == (None, None), name


async def test_after_all_of_it_an_ordinary_receipt_is_read(worker: Worker) -> None:
    for raw in UNREADABLE.values():
        await ask(worker, raw)
    reading = await ask(worker, text("Your order number is 4711."))
    assert reading.order
    assert reading.order.number == "4711"


def test_what_is_sound_in_a_hostile_message_is_kept() -> None:
    raw = UNREADABLE["10,000 parts"].replace(b"Subject: Hello", b"X-Order-ID: 77\r\nSubject: Hi")
    reading = read_order(raw, OrderTerms())
    assert reading.problem == "it has more than 1000 parts"
    assert (reading.subject, reading.recipients) == ("Hi", ("jane@customer.test",))
    assert reading.order
    assert reading.order.number == "77"


STRANGE = {
    "a line break": "12\r\n34",
    "U+2028": "12\u202834",
    "U+2029": "12\u202934",
    "NUL": "12\x0034",
    "right-to-left override": "12\u202e34",
    "isolate": "12\u206634",
    "no-break space": "12\u00a034",
    "escape": "\x1b[31m12",
    "65 characters": "7" * 65,
    "nothing": "",
    "marks alone": "\u200f#\u200e",
    "signs alone": "-/-",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_number_that_is_no_plain_line_is_no_number(name: str) -> None:
    number = STRANGE[name]
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in number)
    data = f'{{"@type": "Order", "orderNumber": "{escaped}"}}'
    assert read_order(html(linked(data)), OrderTerms()).order is None
    marked = f'<b itemprop="orderNumber" content="{number}"></b>'
    assert read_order(html(marked), OrderTerms()).order is None
    if "\n" not in number:  # such a field would be two
        assert read_order(message("Hi", f"X-Order-ID: {number}"), OrderTerms()).order is None


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u2066", "\u2069", "\u061c", "\u00a0"])
def test_marks_around_a_number_are_taken_off(mark: str) -> None:
    for raw in (
        message("Hi", f"X-Order-ID: {mark}123{mark}"),
        text(f"Order number: {mark}123{mark}"),
        html(linked(f'{{"@type": "Order", "orderNumber": "{mark}123{mark}"}}')),
    ):
        reading = read_order(raw, OrderTerms())
        assert reading.order
        assert reading.order.number == "123"


def test_subject_and_names_come_out_on_one_printable_line() -> None:
    data = (
        '{"@type": "Order", "orderNumber": "1", "customer": {"email": "a@b.test,c@d.test", '
        '"name": "Jane\\r\\nBcc: evil@x.test\\u202e\\u0000\\u2028"}}'
    )
    raw = html(linked(data), subject="=?utf-8?q?Hi=0D=0AX-Evil:_1=00=E2=80=A8=E2=80=AE!?=")
    reading = read_order(raw, OrderTerms())
    assert reading.subject == "Hi X-Evil: 1 !"
    assert reading.order
    assert reading.order.customer_name == "Jane Bcc: evil@x.test"
    assert reading.order.customer == "jane@customer.test"


@pytest.mark.parametrize(
    "to",
    [
        "a@good.test\x00,evil@x.test\x00",
        '"jane@customer.test" <evil@x.test, <"a\\"@b"@c.test>',
        "<@relay.test:jane@customer.test>",
        "jane@[127.0.0.1]",
        "jane%customer.test@localhost",
    ],
)
def test_an_address_is_one_that_may_go_on_the_wire_or_none(to: str) -> None:
    reading = read_order(text("Order number 123", to=to), OrderTerms())
    assert set(reading.recipients) <= {"evil@x.test"}
