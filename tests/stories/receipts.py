"""Receipts as programs write them, followed from the intake to the customer's mailbox."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from tests.stories.front_door import SENDER

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.stories.front_door import House

MINA, OMAR, RUTH = "mina@gmail.test", "omar@outlook.test", "ruth@yahoo.test"
NUMBERS = count(7001)


class Receipt(NamedTuple):
    """A receipt with LF line ends, as programs write it."""

    number: str
    message_id: str
    text: bytes

    @property
    def wire(self) -> bytes:
        return self.text.replace(b"\n", b"\r\n")


def receipt(to: str = MINA, body: str = "Thank you.", *fields: str, number: str = "") -> Receipt:
    number = number or str(next(NUMBERS))
    message_id = f"{number}@saffron.test"
    head = [f"From: Saffron & Sons <{SENDER}>", f"To: {to}", f"Subject: Your order #{number}"]
    head += ["Date: Sun, 22 Nov 2026 10:00:00 +0000", f"Message-ID: <{message_id}>", *fields]
    return Receipt(number, message_id, ("\n".join([*head, "", body]) + "\n").encode())


async def arrived(house: House, one: Receipt, address: str = MINA) -> bytes:
    """The receipt as it was taken in, once it lies in the customer's mailbox in the same bytes."""
    letters = (await house.delivered(address, [one.message_id]))[one.message_id]
    [message] = await house.taken(one.message_id)
    text = await house.text(message)
    assert text.endswith((one.wire, one.wire + b"\r\n"))  # swaks adds a line
    assert [letter.endswith(text) for letter in letters] == [True]
    return text


async def each_once(house: House, sent: Collection[Receipt]) -> None:
    """Each order has one receipt, sent once, which lies in the customer's mailbox once."""
    ids = [one.message_id for one in sent]
    for one in sent:
        [case] = await house.ended(one.message_id, 1, "watched")
        assert [len(past.tries) for past in case.past] == [1]
    letters = await house.delivered(MINA, ids)
    assert {one: len(copies) for one, copies in letters.items()} == dict.fromkeys(ids, 1)
