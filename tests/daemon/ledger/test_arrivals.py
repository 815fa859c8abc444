"""A message is taken in whole and once, whoever brings it however often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from daemon.ledger import Ledger, retention, schema
from daemon.ledger.columns import storable
from daemon.ledger.states import AttemptCause, Reading
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.arrival_samples import RECIPIENT, arrival, count, intake
from tests.daemon.ledger.samples import MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Table

    from daemon.ledger.arrivals import Arrivals


@pytest.fixture
async def arrivals(ledger: Ledger) -> AsyncIterator[Arrivals]:
    taking = intake(ledger)
    yield taking
    await taking.close()


async def rows(ledger: Ledger, table: Table) -> list[dict[str, Any]]:
    async with ledger.read() as conn:
        return [dict(row) for row in (await conn.execute(select(table))).mappings()]


async def test_a_message_is_kept_as_it_came(ledger: Ledger, arrivals: Arrivals) -> None:
    new = arrival()
    taken = await arrivals.take(new)
    assert not taken.duplicate
    [message] = await rows(ledger, schema.messages)
    unread = ("problem", "subject", "sender", "order", "matched_by", "twin")
    assert message == {
        "id": taken.message,
        "shop": "tea",
        "mode": IntakeMode.RELAY,
        "mail_from": "orders@tea.example",
        "recipients": [RECIPIENT],
        "client": "192.0.2.7",
        "helo": "shop.tea.example",
        "login": "tea",
        "message_id": "1@tea.example",
        "dedupe": new.dedupe,
        "sha256": new.sha256,
        "size": len(new.raw),
        "smtputf8": False,
        "received_at": NOON,
        "reading": Reading.PENDING,
        **dict.fromkeys(unread),
    }
    assert await rows(ledger, schema.message_raws) == [{"message": taken.message, "raw": new.raw}]


async def test_every_recipient_gets_a_mail_whose_first_attempt_is_due_at_once(
    ledger: Ledger, arrivals: Arrivals
) -> None:
    both = ("ann@gmail.example", "bob@yahoo.example")
    taken = await arrivals.take(arrival(recipients=both, shop="rugs"))
    mails = {row["recipient"]: row for row in await rows(ledger, schema.mails)}
    attempts = {row["mail"]: row for row in await rows(ledger, schema.attempts)}
    assert set(mails) == set(both)
    for mail in mails.values():
        assert (mail["message"], mail["shop"], mail["generation"]) == (taken.message, "rugs", 1)
        assert (mail["state"], mail["received_at"]) == (MailState.RECEIVED, NOON)
        attempt = attempts[mail["id"]]
        assert (attempt["n"], attempt["shop"], attempt["route"]) == (1, "rugs", "smarthost")
        assert attempt["cause"] is AttemptCause.FIRST
        assert (attempt["state"], attempt["due_at"]) == (AttemptState.QUEUED, NOON)
        assert attempt["expires_at"] == NOON + timedelta(days=5)
        assert (attempt["tries"], attempt["fence"], attempt["holder"]) == (0, 0, None)


async def test_a_recipient_named_twice_gets_one_mail(ledger: Ledger, arrivals: Arrivals) -> None:
    await arrivals.take(arrival(recipients=(RECIPIENT, RECIPIENT)))
    assert await count(ledger, schema.mails) == await count(ledger, schema.attempts) == 1


@pytest.mark.parametrize("mode", [IntakeMode.COPY, IntakeMode.BOUNCE])
async def test_what_is_not_to_be_sent_on_makes_no_mail(
    ledger: Ledger, arrivals: Arrivals, mode: IntakeMode
) -> None:
    await arrivals.take(arrival(mode=mode, shop="a shop without routes"))
    assert await count(ledger, schema.message_raws) == 1
    assert await count(ledger, schema.mails) == await count(ledger, schema.attempts) == 0


async def test_what_comes_again_is_known(ledger: Ledger, arrivals: Arrivals) -> None:
    first = await arrivals.take(arrival())
    again = await arrivals.take(arrival(received_at=NOON + MINUTE))
    assert again.duplicate
    assert again.message == first.message
    assert await count(ledger, schema.attempts) == 1


async def test_what_comes_twice_at_once_is_one(ledger: Ledger, arrivals: Arrivals) -> None:
    taken = await asyncio.gather(*(arrivals.take(arrival(n % 5)) for n in range(50)))
    assert len({one.message for one in taken}) == 5
    assert sum(not one.duplicate for one in taken) == 5
    for table in (schema.messages, schema.message_raws, schema.mails, schema.attempts):
        assert await count(ledger, table) == 5
    for n, one in enumerate(taken):
        assert one.message == taken[n % 5].message


async def test_two_shops_may_bring_the_same(ledger: Ledger, arrivals: Arrivals) -> None:
    one, other = await asyncio.gather(*(arrivals.take(arrival(shop=s)) for s in ("tea", "rugs")))
    assert one.message != other.message
    assert not other.duplicate
    assert await count(ledger, schema.messages) == 2


async def test_after_seven_days_the_same_is_new(ledger: Ledger, arrivals: Arrivals) -> None:
    first = await arrivals.take(arrival())
    async with ledger.write() as conn:
        assert await retention.forget_dedupe(conn, NOON) == 0
        assert await retention.forget_dedupe(conn, NOON + MINUTE) == 1
        assert await retention.forget_dedupe(conn, NOON + MINUTE) == 0
    again = await arrivals.take(arrival())
    assert not again.duplicate
    assert again.message != first.message


async def test_octets_that_no_database_takes_are_taken(ledger: Ledger, arrivals: Arrivals) -> None:
    raw = bytes(range(256)) * 4
    odd = "a\0b\udc80@tea.example"  # NUL, and half of a character
    await arrivals.take(arrival(raw=raw, helo=odd, message_id=odd, login=None))
    await arrivals.take(arrival(2, message_id=None))
    stored = await rows(ledger, schema.message_raws)
    assert raw in {bytes(row["raw"]) for row in stored}
    named = {row["message_id"] for row in await rows(ledger, schema.messages)}
    assert named == {storable(odd), None}


async def test_a_statement_that_fails_does_not_quote_the_mail(
    ledger: Ledger, arrivals: Arrivals
) -> None:
    async with ledger.write() as conn:
        await conn.execute(text("ALTER TABLE mails RENAME TO elsewhere"))
    secret = "dear-ann@gmail.example"
    with pytest.raises(DBAPIError, match="mails") as caught:
        await arrivals.take(arrival(raw=secret.encode(), recipients=(secret,)))
    assert "ann" not in str(caught.value)


async def test_a_shop_without_a_route_does_not_sink_the_others(
    ledger: Ledger, arrivals: Arrivals
) -> None:
    shops = ("tea", "nobody", "rugs")
    taken = await asyncio.gather(
        *(arrivals.take(arrival(shop=shop)) for shop in shops), return_exceptions=True
    )
    assert [type(one).__name__ for one in taken] == ["Taken", "KeyError", "Taken"]
    assert await count(ledger, schema.messages) == await count(ledger, schema.attempts) == 2


async def test_twenty_callers_at_once_are_all_taken(ledger: Ledger, arrivals: Arrivals) -> None:
    async def caller(number: int) -> None:
        for n in range(10):
            taken = await arrivals.take(arrival((number, n)))
            assert not taken.duplicate

    await asyncio.gather(*(caller(number) for number in range(20)))
    assert await count(ledger, schema.attempts) == 200


async def test_closing_takes_what_was_handed_over(ledger: Ledger) -> None:
    arrivals = intake(ledger)
    handed = [asyncio.create_task(arrivals.take(arrival(n))) for n in range(300)]
    await asyncio.sleep(0)
    await arrivals.close()
    done, waiting = await asyncio.wait(handed, timeout=0)
    assert not waiting
    assert not any(task.result().duplicate for task in done)
    assert await count(ledger, schema.messages) == 300
