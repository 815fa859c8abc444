"""A sender's moves: by the lifecycle, by its holder only, and together with those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.ledger.attempts import Moves
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from tests.daemon.ledger.attempt_samples import (
    ACCEPTED,
    attempt_of,
    mail_state,
    received,
    taken,
)
from tests.daemon.ledger.samples import MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from daemon.ledger import Ledger
    from daemon.ledger.attempts import Claimed

    Move = Callable[[Moves, Claimed], Awaitable[bool]]

S = AttemptState


@pytest.fixture
async def moves(ledger: Ledger) -> AsyncIterator[Moves]:
    opened = Moves(ledger)
    yield opened
    await opened.close()


async def test_a_message_is_sent_in_three_moves_and_every_one_is_on_record(
    ledger: Ledger, moves: Moves
) -> None:
    async with ledger.write() as conn:
        mail = await received(conn)
    [claimed] = await taken(ledger)
    assert await moves.begin(claimed, at=NOON, due_at=NOON + 5 * MINUTE)
    row = await attempt_of(ledger, claimed)
    assert (row.state, row.tries, row.due_at) == (S.SENDING, 1, NOON + 5 * MINUTE)
    assert await moves.data_sent(claimed)
    assert (await attempt_of(ledger, claimed)).state == S.DATA_SENT
    assert await moves.settle(claimed, ACCEPTED)
    row = await attempt_of(ledger, claimed)
    assert (row.state, row.settled_at) == (S.ACCEPTED, NOON + MINUTE)
    assert (row.holder, row.lease_until) == (None, None)
    assert await mail_state(ledger, mail) == MailState.WATCHED
