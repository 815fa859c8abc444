"""Submits one message for one recipient (RFC 6409) and keeps what the server said.

Whatever the outside world does is an outcome, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from probes.address import check_address
from probes.reply_text import ReplyText, printable, queue_id
from probes.smtp_session import Refused, Session, Silent, Stage, TlsFacts, Transaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from probes.endpoint import Endpoint, Login

__all__ = ["Outcome", "Stage", "Submission", "TlsFacts", "outcome_of", "submit"]

LONGEST_LINE = 998
"""Bytes of a line without its CRLF (RFC 5322 section 2.1.1)."""


class Outcome(StrEnum):
    """How a submission ended."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    """The server answered 4yz: it may take the message later."""
    REJECTED = "rejected"
    """The server answered 5yz."""
    FAILED = "failed"
    """No complete reply, or nothing that we may go on after; `Submission.text` says why."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What came of one submission.

    `code` and `enhanced` (RFC 3463, "5.7.26") are the deciding reply's, None where there was none.
    `text` holds the server's words, or ours when it said nothing: one printable line, capped.
    `at` is the instant of that reply; for an accepted message, of the 250 after the final dot.
    `in_doubt` says that the whole message was handed over and no reply came: it may arrive.
    """

    outcome: Outcome
    stage: Stage
    at: datetime
    text: str
    code: int | None = None
    enhanced: str | None = None
    tls: TlsFacts | None = None
    greeting_host: str | None = None
    queue_id: str | None = None
    in_doubt: bool = False


async def submit(
    message: bytes,
    *,
    mail_from: str,
    rcpt_to: str,
    endpoint: Endpoint,
    login: Login | None,
    helo: str | None = None,
    now: Callable[[], datetime],
) -> Submission:
    """Hand `message` to `endpoint` for `rcpt_to`; each reply is awaited for `endpoint.timeout_s`.

    `message` is ASCII with CRLF line ends, the last line's too. `helo` is the name we give, else
    the domain of `mail_from`. Raises ValueError (AddressError) before connecting for a message or
    an address that could not go on the wire unchanged.
    """
    _demand_plain(message)
    mail = Transaction(check_address(mail_from), check_address(rcpt_to), message)
    session = Session(endpoint, helo or mail.sender.rpartition("@")[2])
    try:
        submission = await outcome_of(session, now, _submit(session, login, mail))
        if submission.outcome is Outcome.ACCEPTED:
            await session.say_goodbye()
    finally:
        session.close()
    return submission


async def outcome_of(
    session: Session, now: Callable[[], datetime], steps: Awaitable[ReplyText]
) -> Submission:
    """What came of `steps`, taken with `session`; their last reply is the one that decides."""
    try:
        return _submission(session, Outcome.ACCEPTED, await steps, now())
    except Refused as refusal:
        return _submission(session, _refusal(refusal.reply), refusal.reply, now())
    except Silent as silence:
        nothing = ReplyText(None, None, printable(str(silence)))
        return _submission(session, Outcome.FAILED, nothing, now())


async def _submit(session: Session, login: Login | None, mail: Transaction) -> ReplyText:
    await session.open(login)
    return await session.deliver(mail)


def _submission(session: Session, outcome: Outcome, reply: ReplyText, at: datetime) -> Submission:
    return Submission(
        outcome=outcome,
        stage=session.stage,
        at=at,
        text=reply.text,
        code=reply.code,
        enhanced=reply.enhanced,
        tls=session.tls,
        greeting_host=session.host,
        queue_id=queue_id(reply.text) if outcome is Outcome.ACCEPTED else None,
        in_doubt=session.handed_over and outcome is Outcome.FAILED,
    )


def _refusal(reply: ReplyText) -> Outcome:
    """4yz and 5yz as RFC 5321 has them; an answer that fits nowhere is no answer."""
    kinds = {4: Outcome.DEFERRED, 5: Outcome.REJECTED}
    return kinds.get((reply.code or 0) // 100, Outcome.FAILED)


def _demand_plain(message: bytes) -> None:
    lines = message.split(b"\r\n")
    if lines.pop() or not lines:
        raise ValueError("the message does not end with CRLF")
    if not message.isascii() or any(set(line) & {0, 10, 13} for line in lines):
        raise ValueError("the message holds 8-bit bytes, NUL or a bare CR or LF")
    if max(map(len, lines)) > LONGEST_LINE:
        raise ValueError("the message has a line of more than 998 bytes")
