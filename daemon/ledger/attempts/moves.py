"""A sender's moves: committed together with those of its peers, refused to who lost the lease.

All attempts of a batch are locked and read at once, each move is judged by its fence and by where
its attempt stands, and those that hold are written in bulk. A move that does not hold harms no
other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from daemon.ledger.among import among
from daemon.ledger.attempts.writes import Begin, DataSent, Settle, begin, data_sent, settle
from daemon.ledger.group_commit import GroupCommit
from daemon.ledger.schema import attempts
from daemon.lifecycles.attempt import ATTEMPT, IN_HAND, AttemptState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from daemon.ledger.attempts.rows import Claimed, Settled
    from daemon.ledger.database import Ledger

    Move = Begin | DataSent | Settle


LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Moves:
    """Every move returns whether it was made; False means that somebody else was first.

    All raise LedgerError as `GroupCommit.submit` does; whether the move was made is then unknown,
    and the attempt is to be left to its lease.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._commits = GroupCommit(ledger, _carry_out)

    async def begin(self, claimed: Claimed, *, at: datetime, due_at: datetime) -> bool:
        """To be awaited before connecting: the try is on record, and when the next one is due.

        Refused too when the lease ran out before `at`, though nobody took the attempt.
        """
        return await self._commits.submit(Begin(claimed, at, due_at))

    async def data_sent(self, claimed: Claimed) -> bool:
        """To be awaited before the final dot goes out."""
        return await self._commits.submit(DataSent(claimed))

    async def settle(self, claimed: Claimed, settled: Settled) -> bool:
        """The try ended, or none is made; attempt, mail and a further attempt change together."""
        return await self._commits.submit(Settle(claimed, settled))

    async def close(self) -> None:
        """Take no more moves, and make those that wait."""
        await self._commits.close()


_FROM = {
    new: IN_HAND.intersection(old for old, to in ATTEMPT.moves.items() if new in to)
    for new in AttemptState
}
"""The states in hand from which a sender may go to each state."""


_lasts = attempts.c.lease_until > bindparam("at")
_held = (
    select(attempts.c.id, attempts.c.fence, attempts.c.state, _lasts)
    .where(among(attempts.c.id, "ids"))
    .order_by(attempts.c.id)
    .with_for_update(key_share=True)
)


class _Held(NamedTuple):
    """An attempt as it stands; nobody else moves it before the transaction ends."""

    fence: int
    state: AttemptState
    lasts: bool


def _carry_out(conn: Connection, moves: Sequence[Move]) -> list[bool]:
    begun = max((move.at for move in moves if isinstance(move, Begin)), default=LONG_AGO)
    held = _lock(conn, {move.claimed.attempt for move in moves}, begun)
    made = [_hold(held, move) for move in moves]
    good = [move for move, holds in zip(moves, made, strict=True) if holds]
    # in the order of an attempt's life: one batch may hold several moves of it
    begin(conn, [move for move in good if isinstance(move, Begin)])
    data_sent(conn, [move for move in good if isinstance(move, DataSent)])
    settle(conn, [move for move in good if isinstance(move, Settle)])
    return made


def _lock(conn: Connection, ids: set[str], at: datetime) -> dict[str, _Held]:
    rows = conn.execute(_held, {"ids": sorted(ids), "at": at})
    return {attempt: _Held(*stand) for attempt, *stand in rows}


def _hold(held: dict[str, _Held], move: Move) -> bool:
    """Whether the move may be made; the next one of its attempt finds it made."""
    attempt = move.claimed.attempt
    there = held.get(attempt)
    if there is None or there.fence != move.claimed.fence or there.state not in _FROM[move.new]:
        return False
    if isinstance(move, Begin) and not there.lasts:
        return False
    held[attempt] = there._replace(state=move.new)
    return True
