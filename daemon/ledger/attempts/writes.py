"""Moves that hold, written in bulk: a statement of each kind, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, false, or_, update

from daemon.ledger.bounces import apply_early
from daemon.ledger.bulk import insert_many, update_many
from daemon.ledger.schema import attempts, mails, tries
from daemon.lifecycles.attempt import LIVE, AttemptState
from daemon.lifecycles.order_mail import ORDER_MAIL, MailState
from probes.token import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from daemon.ledger.attempts.rows import Claimed, MailMove, NextAttempt, Settled


@dataclass(frozen=True, slots=True)
class Begin:
    """CLAIMED → SENDING."""

    claimed: Claimed
    at: datetime
    due_at: datetime

    @property
    def new(self) -> AttemptState:
        """Where the attempt goes."""
        return AttemptState.SENDING


@dataclass(frozen=True, slots=True)
class DataSent:
    """SENDING → DATA_SENT."""

    claimed: Claimed

    @property
    def new(self) -> AttemptState:
        """Where the attempt goes."""
        return AttemptState.DATA_SENT


@dataclass(frozen=True, slots=True)
class Settle:
    """To where the try leaves it."""

    claimed: Claimed
    settled: Settled

    @property
    def new(self) -> AttemptState:
        """Where the attempt goes."""
        return self.settled.state


_the_attempt = update(attempts).where(attempts.c.id == bindparam("the"))
_begin = _the_attempt.values(state=AttemptState.SENDING, tries=attempts.c.tries + 1)
_send_data = _the_attempt.values(state=AttemptState.DATA_SENT)
_settle = _the_attempt.values(holder=None, lease_until=None)
_the_try = update(tries).where(tries.c.attempt == bindparam("of"), tries.c.n == bindparam("number"))
# no IN, which takes no list of rows
_the_mail = {
    new: update(mails).where(
        mails.c.id == bindparam("the"),
        or_(
            false(),
            *(mails.c.state == old for old, moves in ORDER_MAIL.moves.items() if new in moves),
        ),
    )
    for new in MailState
}
_REPLY = (
    *("outcome", "stage", "code", "enhanced", "text", "fault", "meaning", "remedy"),
    *("tls_version", "host", "queue_id"),
)


def begin(conn: Connection, moves: Sequence[Begin]) -> None:
    """The try begins, and the time of the next one is set."""
    update_many(conn, _begin, [{"the": m.claimed.attempt, "due_at": m.due_at} for m in moves])
    insert_many(conn, tries, [_try(move) for move in moves])


def data_sent(conn: Connection, moves: Sequence[DataSent]) -> None:
    """The final dot may go out."""
    update_many(conn, _send_data, [{"the": move.claimed.attempt} for move in moves])


def settle(conn: Connection, moves: Sequence[Settle]) -> None:
    """Attempts, their tries and their mails end up where they belong, and others take over."""
    update_many(conn, _settle, [_settled(move) for move in moves])
    # one that was not tried has no such line, and none is changed
    update_many(conn, _the_try, [_ended(move) for move in moves])
    insert_many(conn, attempts, [_next(m, m.settled.next) for m in moves if m.settled.next])
    _move_mails(conn, [(move, move.settled.mail) for move in moves if move.settled.mail])
    over = [move for move in moves if move.new not in LIVE]
    if over:
        at = max(move.settled.at for move in over)
        apply_early(conn, [move.claimed.mail for move in over], at)


def _try(move: Begin) -> dict[str, Any]:
    claimed = move.claimed
    key = {"attempt": claimed.attempt, "n": claimed.tries + 1}
    return {**key, "shop": claimed.shop, "route": claimed.route, "started_at": move.at}


def _settled(move: Settle) -> dict[str, Any]:
    over = None if move.new in LIVE else move.settled.at
    facts = {"state": move.new, "why": move.settled.why, "settled_at": over}
    return {"the": move.claimed.attempt, **facts}


def _ended(move: Settle) -> dict[str, Any]:
    reply = {name: getattr(move.settled, name) for name in _REPLY}
    key = {"of": move.claimed.attempt, "number": move.claimed.tries + 1}
    return {**key, "ended_at": move.settled.at, **reply}


def _next(move: Settle, further: NextAttempt) -> dict[str, Any]:
    claimed = move.claimed
    kept = {"mail": claimed.mail, "shop": claimed.shop, "expires_at": claimed.expires_at}
    new = {"route": further.route, "cause": further.cause, "due_at": further.due_at}
    return queued(n=claimed.n + 1, queued_at=move.settled.at, **kept, **new)


def queued(**facts: Any) -> dict[str, Any]:
    """The columns of a new attempt."""
    return {"id": new_id(), "state": AttemptState.QUEUED, "tries": 0, "fence": 0, **facts}


def _move_mails(conn: Connection, moves: Sequence[tuple[Settle, MailMove]]) -> None:
    """A mail that went elsewhere meanwhile (the customer has it, it bounced) stays there."""
    by_state: dict[MailState, list[dict[str, Any]]] = {}
    for move, to in moves:
        row = {"the": move.claimed.mail, "state": to.state, "why": to.why}
        by_state.setdefault(to.state, []).append({**row, "changed_at": move.settled.at})
    for state, rows in by_state.items():
        update_many(conn, _the_mail[state], rows)
