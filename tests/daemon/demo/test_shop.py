"""The embedded shop's receipts go through the real intake to its customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.demo.shop import NOBODY
from daemon.demo.stage import stage
from daemon.lifecycles.order_mail import MailState
from tests.stories.programs import until

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_receipt_is_sent_on_and_a_wrong_address_bounces(tmp_path: Path) -> None:
    async with stage(tmp_path, selling=True) as on:

        async def three_sold() -> bool:
            return len(on.shop.handed_in) >= 3

        await until(three_sold)
        [good] = await on.receipts("1001")
        [bad] = await on.receipts("1003")
    assert (good.mail.state, good.mail.recipient) == (MailState.WATCHED, "mina@gmail.test")
    assert (bad.mail.state, bad.mail.recipient) == (MailState.BOUNCED, NOBODY)
    assert bad.past[0].tries[0].enhanced == "5.1.1"
