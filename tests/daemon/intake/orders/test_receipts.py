"""Which order a receipt belongs to, over receipts of many shops and mail that is none."""

from __future__ import annotations

import pytest

from daemon.intake.orders.reading import read_order
from daemon.intake.orders.terms import OrderTerms
from tests.daemon.intake.orders.receipts import NO_RECEIPTS, RECEIPTS


@pytest.mark.parametrize("name", RECEIPTS)
def test_the_order_of_a_receipt_is_found(name: str) -> None:
    receipt = RECEIPTS[name]
    reading = read_order(receipt.raw, receipt.terms)
    assert reading.problem is None
    assert reading.order is not None
    found = (reading.order.number, reading.order.by, reading.order.customer)
    assert found == (receipt.number, receipt.by, receipt.customer)


@pytest.mark.parametrize("name", NO_RECEIPTS)
def test_better_no_order_than_a_wrong_one(name: str) -> None:
    reading = read_order(NO_RECEIPTS[name], OrderTerms())
    assert (reading.order, reading.problem) == (None, None)
