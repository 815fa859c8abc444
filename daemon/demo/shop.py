"""The embedded shop: every few seconds somebody buys something, and is sent a receipt."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from itertools import count, cycle, product
from typing import TYPE_CHECKING

import aiosmtplib

from daemon.demo.provider import KINDS
from daemon.demo.scenery import CUSTOMERS, SHOP_FROM, SHOP_TITLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

EVERY_S = 4.0
FIRST_ORDER = 1001
NOBODY = "minna@gmail.test"
"""One customer types his address wrong."""
GOODS = (("Saffron threads, 2 g", 1890), ("Rose water, 250 ml", 640), ("Dried limes, 100 g", 425))


class EmbeddedShop:
    """Hands receipts in at `port` of 127.0.0.1, as a shop's mail program would."""

    def __init__(self, port: int, now: Callable[[], datetime]) -> None:
        self._port, self._now = port, now
        self.handed_in: list[str] = []
        """The numbers of the orders whose receipts were answered with 250."""

    async def run(self) -> None:
        """Sell until cancelled; what is not taken in is tried no further."""
        goods, me = cycle(GOODS), asyncio.current_task()
        for number, customer in zip(count(FIRST_ORDER), _customers(), strict=False):
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._send(str(number), customer, *next(goods))
                self.handed_in.append(str(number))
            if me and me.cancelling():  # aiosmtplib makes an error of its own of a cancellation
                return
            await asyncio.sleep(EVERY_S)

    async def _send(self, number: str, customer: str, what: str, cents: int) -> None:
        receipt = self._receipt(number, customer, what, cents)
        await aiosmtplib.send(receipt, hostname="127.0.0.1", port=self._port, start_tls=False)

    def _receipt(self, number: str, customer: str, what: str, cents: int) -> EmailMessage:
        receipt = EmailMessage()
        receipt["From"] = f"{SHOP_TITLE} <{SHOP_FROM}>"
        receipt["To"] = customer
        receipt["Subject"] = f"Your order #{number}"
        receipt["Date"] = format_datetime(self._now())
        receipt["Message-ID"] = make_msgid(domain=SHOP_FROM.rpartition("@")[2])
        receipt.set_content(
            f"Thank you! We have received order #{number}.\n\n"
            f"{what}   EUR {cents / 100:.2f}\n\n{SHOP_TITLE}\n"
        )
        return receipt


def _customers() -> Iterator[str]:
    """Each in turn; the third is the one who typed his address wrong."""
    known = [f"{name}@{kind.domain}" for name, kind in product(CUSTOMERS, KINDS)]
    return cycle([*known[:2], NOBODY, *known[2:]])
