"""The story of one receipt to one customer: what happened when, in words, with the SMTP behind it.

The server that a route submits to is often not the customer's provider, and even a provider that
accepts a mail may hide it in spam: nothing here says that a mail was delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.attempt import IN_HAND, AttemptState
from daemon.lifecycles.order_mail import MailState
from daemon.rulings import refusals
from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mail as it came in; `twin` is an earlier one of the same Message-ID and other content."""

    mode: IntakeMode
    client: str
    recipient: str
    received_at: datetime
    message_id: str | None
    size: int
    problem: str | None = None
    twin: str | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One time that the network was touched; `ended_at` None: a crash, or it lasts still."""

    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    stage: str | None = None
    code: int | None = None
    enhanced: str | None = None
    text: str | None = None
    fault: Fault | None = None
    meaning: str | None = None
    remedy: str | None = None
    tls_version: str | None = None
    host: str | None = None
    queue_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """One attempt with its tries, in order; `cause` is first, failover, person or resend."""

    n: int
    route: str
    cause: str
    state: AttemptState
    why: str | None
    queued_at: datetime
    due_at: datetime
    settled_at: datetime | None
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """What came back: kind (bounce, delay, complaint), reason and status; `text` is theirs."""

    received_at: datetime
    kind: str
    reason: str
    status: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened; `raw` is the protocol's own line behind it."""

    at: datetime
    said: str
    raw: str | None = None


CAUSES = {
    "failover": "It is sent by {route} instead.",
    "person": "A person has it sent again, by {route}.",
    "resend": "It is sent again by {route}: it was at risk of staying unseen.",
}
_BEFORE_THE_MAIL = frozenset({"connect", "tls", "login"})
"""Stages at which a server's reply says nothing about the mail."""

STANDS = {
    MailState.RECEIVED: "Waiting to be sent on",
    MailState.WATCHED: "Sent; watched from now on",
    MailState.CLEARED: "Sent while receipts were landing",
    MailState.AT_RISK: "At risk of not being seen",
    MailState.RESENDING: "Being sent again",
    MailState.RESENT: "Sent again",
    MailState.CONFIRMED: "Confirmed: the customer has it",
    MailState.HELD: "Held: a person must decide",
    MailState.IN_DOUBT: "In doubt: it may have arrived or not, and is not sent again by itself",
    MailState.BOUNCED: "Bounced: it came back, or was refused",
    MailState.SUPPRESSED: "Not sent: the address is on the suppression list",
    MailState.ABANDONED: "Given up",
}


def timeline(
    receipt: Receipt,
    sendings: Sequence[Sending],
    returns: Sequence[Return],
    shown: Callable[[datetime], str],
) -> list[Step]:
    """Every step, oldest first; `shown` writes an instant for the reader."""
    steps = [_arrival(receipt)]
    for at in range(len(sendings)):
        steps += _sending(sendings, at, shown)
    steps += (_return(one) for one in returns)
    return sorted(steps, key=lambda step: step.at)


def _arrival(receipt: Receipt) -> Step:
    if receipt.mode is IntakeMode.COPY:
        said = "A copy came in; the shop sends the receipt itself."
    else:
        said = f"The shop handed it in, for {receipt.recipient}."
    if receipt.problem:
        said += f" It could not be read whole: {receipt.problem}"
    if receipt.twin:
        said += " An earlier one has the same Message-ID and says something else."
    name = f"Message-ID <{receipt.message_id}>" if receipt.message_id else "no Message-ID"
    return Step(receipt.received_at, said, f"from {receipt.client}, {name}, {receipt.size:,} bytes")


def _sending(
    sendings: Sequence[Sending], at: int, shown: Callable[[datetime], str]
) -> Iterator[Step]:
    sending, before = sendings[at], sendings[at - 1] if at else None
    after = sendings[at + 1] if at + 1 < len(sendings) else None
    if sending.cause in CAUSES:
        yield Step(sending.queued_at, _begun(sending, before))
    doubt = _in_doubt(sending, after)
    for one in sending.tries:
        last = one is sending.tries[-1]
        said = _doubt(sending) if last and doubt else _tried(one, sending, last=last)
        if last and sending.state is AttemptState.DEFERRED:
            said += f" Next try {shown(sending.due_at)}."
        yield Step(one.ended_at or one.started_at, said, _raw(one))
    if sending.state is AttemptState.CANCELLED and not (doubt or _taken_over(after)):
        said = f"Not sent by {sending.route} any more"
        said += f": {sending.why}" if sending.why else "."
        yield Step(sending.settled_at or sending.due_at, said)


def _begun(sending: Sending, before: Sending | None) -> str:
    """Why there is a further attempt; when a route fails, the ruling's own words."""
    if before and before.why and _taken_over(sending):
        return before.why
    return CAUSES[sending.cause].format(route=sending.route)


def _taken_over(after: Sending | None) -> bool:
    return after is not None and after.cause == "failover"


def _in_doubt(sending: Sending, after: Sending | None) -> bool:
    """Whether nobody knew, after the last try, if the server had the mail; it may be known now."""
    if not sending.tries or sending.tries[-1].outcome not in {None, "failed"}:
        return False
    if sending.state is AttemptState.CANCELLED:
        again = after is not None and after.cause == "person"
        return again and sending.tries[-1].stage in {None, "data"}
    return sending.state in {AttemptState.IN_DOUBT, AttemptState.ACCEPTED, AttemptState.BOUNCED}


def _tried(one: Try, sending: Sending, *, last: bool) -> str:
    if one.ended_at is None and last and sending.state in IN_HAND - {AttemptState.CLAIMED}:
        return f"It is being sent by {sending.route}."
    if one.ended_at is None:
        return f"Sending by {sending.route} was cut short before anything was handed over."
    server = f"{one.host} (route {sending.route})" if one.host else f"route {sending.route}"
    if one.outcome == "accepted":
        return (
            f"Accepted by {server}, the next server on the way to the customer's provider; not "
            "proof of the inbox."
        )
    if one.outcome == "failed" or one.stage in _BEFORE_THE_MAIL:
        return _broken(one, server)
    why = refusals.of_reply(one.enhanced, one.fault, one.meaning)
    return _joined(f"{_capital(server)} {_answer(one)}.", why, one)


def _answer(one: Try) -> str:
    if one.outcome == "deferred":
        return "asked us to try later"
    return "refused the shop's mail" if one.fault is Fault.SENDER else "refused it"


def _doubt(sending: Sending) -> str:
    return (
        f"All of it was handed over by {sending.route} and no answer came: it may have arrived or "
        "not. It is not sent again by itself."
    )


def _broken(one: Try, server: str) -> str:
    if one.stage in _BEFORE_THE_MAIL:
        return _joined(f"{_capital(server)} could not be used.", one.meaning, one)
    broke = f"The connection to {server} broke before the mail was handed over."
    return _joined(broke, one.meaning, one)


def _joined(said: str, why: str | None, one: Try) -> str:
    remedy = f"To do: {one.remedy}" if one.remedy and one.fault is Fault.SENDER else None
    return " ".join(filter(None, (said, why, remedy)))


def _capital(server: str) -> str:
    """A host's name stays as it is."""
    return f"Route {server[6:]}" if server.startswith("route ") else server


def _return(one: Return) -> Step:
    raw = " ".join(filter(None, (one.status, one.text))) or None
    return Step(one.received_at, _returned(one), raw)


def _returned(one: Return) -> str:
    if one.kind == "delay":
        return "A server on the way says that it is late and keeps trying; nothing has failed yet."
    if one.kind == "complaint":
        return refusals.BY_REASON["complaint"]
    return f"It came back. {refusals.of_bounce(one.reason, one.status)}"


def _raw(one: Try) -> str | None:
    """The reply as it stood, and where it was given."""
    reply = " ".join(filter(None, (str(one.code or ""), one.enhanced, one.text)))
    where = ", ".join(filter(None, (one.host, one.tls_version, one.stage and f"at {one.stage}")))
    return ": ".join(filter(None, (where, reply))) or None
