"""Between what a server said, what is ruled, and what the ledger keeps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ledger.attempts import MailMove, NextAttempt, Settled
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from daemon.rulings.way_out import Choice, Ending, Tried
from probes.replies import ReplyKind, classify
from probes.submission import Outcome, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from daemon.ledger.attempts import Claimed, Past, TryRow
    from daemon.rulings.way_out import Ruling
    from probes.replies import Reply
    from probes.submission import Submission

_BEFORE_THE_MAIL = frozenset({Stage.CONNECT, Stage.TLS, Stage.LOGIN})
_MAIL = {
    Choice.BOUNCED: MailState.BOUNCED,
    Choice.HELD: MailState.HELD,
    Choice.IN_DOUBT: MailState.IN_DOUBT,
}


def meaning(submission: Submission) -> Reply:
    """What the server's words mean."""
    return classify(None, submission.code, submission.enhanced, submission.text)


def tried(claimed: Claimed, submission: Submission, reply: Reply) -> Tried:
    """This try."""
    if submission.in_doubt:
        ending = Ending.IN_DOUBT
    else:
        ending = _ending(submission.outcome, submission.stage, reply.kind)
    return Tried(claimed.route, submission.at, ending, reply.fault)


def earlier(history: Iterable[Past], but: Claimed) -> list[Tried]:
    """The mail's tries before this one; one that a crash cut off tells nothing."""
    rows = [row for past in history for row in past.tries]
    return [_earlier(row, row.ended_at) for row in rows if row.ended_at and not _is(row, but)]


def settled(
    claimed: Claimed, submission: Submission, reply: Reply, ruling: Ruling, due_at: datetime
) -> Settled:
    """What is written down; `due_at` was set before the try."""
    refused = reply.kind is ReplyKind.REJECT and submission.outcome is not Outcome.FAILED
    return Settled(
        state=_state(ruling.choice, refused=refused),
        at=submission.at,
        why=ruling.sentence,
        outcome=submission.outcome,
        stage=submission.stage,
        code=submission.code,
        enhanced=submission.enhanced,
        text=submission.text,
        fault=reply.fault,
        meaning=reply.meaning,
        remedy=reply.remedy,
        tls_version=submission.tls.version if submission.tls else None,
        host=submission.greeting_host,
        queue_id=submission.queue_id,
        mail=_move(claimed, ruling, reply.meaning),
        next=_next(ruling, due_at if ruling.later else submission.at),
    )


def untried(ruling: Ruling, at: datetime) -> Settled:
    """An attempt that ends without having been tried."""
    return Settled(
        AttemptState.CANCELLED,
        at,
        ruling.sentence,
        mail=MailMove(MailState.HELD, ruling.sentence) if ruling.choice is Choice.HELD else None,
        next=_next(ruling, at),
    )


def suppressed(at: datetime) -> Settled:
    """An attempt that is not made, for the sake of an address that takes no mail."""
    why = "The address is on the suppression list."
    return Settled(AttemptState.CANCELLED, at, why, mail=MailMove(MailState.SUPPRESSED, why))


def unsendable(why: str, at: datetime) -> Settled:
    """An attempt at what cannot go on the wire unchanged: no route would help."""
    return Settled(AttemptState.CANCELLED, at, why, mail=MailMove(MailState.HELD, why))


def unrecorded(at: datetime) -> Settled:
    """A try that was broken off because the ledger could not keep up with it."""
    why = "The ledger could not record it in time, so nothing was handed over."
    return Settled(AttemptState.DEFERRED, at, why)


def _ending(outcome: Outcome, stage: Stage, kind: ReplyKind) -> Ending:
    if outcome is Outcome.ACCEPTED:
        return Ending.ACCEPTED
    # a greeting or a login that is refused says nothing about this mail
    if outcome is Outcome.FAILED or stage in _BEFORE_THE_MAIL or kind is ReplyKind.AUTH:
        return Ending.UNREACHED
    return Ending.DEFERRED if kind is ReplyKind.DEFER else Ending.REJECTED


def _earlier(row: TryRow, at: datetime) -> Tried:
    reply = classify(None, row.code, row.enhanced, row.text or "")
    ending = _ending(Outcome(row.outcome or "failed"), Stage(row.stage or "connect"), reply.kind)
    return Tried(row.route, at, ending, row.fault or reply.fault)


def _is(row: TryRow, claimed: Claimed) -> bool:
    return row.attempt == claimed.attempt and row.n > claimed.tries


def _state(choice: Choice, *, refused: bool) -> AttemptState:
    match choice:
        case Choice.ACCEPTED:
            return AttemptState.ACCEPTED
        case Choice.WAIT:
            return AttemptState.DEFERRED
        case Choice.IN_DOUBT:
            return AttemptState.IN_DOUBT
    return AttemptState.REJECTED if refused else AttemptState.CANCELLED


def _move(claimed: Claimed, ruling: Ruling, words: str) -> MailMove | None:
    if ruling.choice is Choice.ACCEPTED:
        again = claimed.cause is AttemptCause.RESEND
        return MailMove(MailState.RESENT if again else MailState.WATCHED)
    state = _MAIL.get(ruling.choice)
    return MailMove(state, f"{ruling.sentence} {words}") if state else None


def _next(ruling: Ruling, due_at: datetime) -> NextAttempt | None:
    return NextAttempt(ruling.route, due_at, AttemptCause.FAILOVER) if ruling.route else None
