"""What is done about mail that came back, or about what was said of it.

A bounce may be forged by anybody who knows an address. So what it may do depends on how surely it
is about a mail of ours: only a return path that we signed, or a Message-ID that we sent, moves a
mail. An address goes on the suppression list for a complaint, or when a report for machines that
came to a signed return path says that it will never take mail; a text never does that, and neither
does what is no bounce.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from daemon.lifecycles.order_mail import MailState
from probes.observation import Fault


class Link(StrEnum):
    """How surely it is about a mail of ours."""

    SIGNED = "signed"
    """It came to a return path, or returns one, whose signature holds."""
    MESSAGE_ID = "message-id"
    """It names a Message-ID that we sent to this recipient."""
    ADDRESS = "address"
    """It names an address that we know; so may anybody."""


class Why(StrEnum):
    """The rule that decided."""

    UNPROVEN = "unproven"
    ANSWERED = "answered"
    DELAYED = "delayed"
    COMPLAINT = "complaint"
    ADDRESS = "address"
    SENDER = "sender"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Returned:
    """What was read about one recipient.

    `kind` is "bounce", "delay", "complaint", or any other word for what is no bounce ("vacation").
    `reason` is one of the keys of `MEANINGS`. `hard` says that the address will never take mail,
    `textual` that no part was meant for machines. `words` are the server's.
    """

    kind: str
    link: Link
    recipient: str = ""
    reason: str = "unknown"
    hard: bool = False
    fault: Fault = Fault.UNKNOWN
    textual: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is done: the mail's new state, None for none, and whether its address is suppressed.

    `person` says that somebody has to look at it, `finding` that it speaks about the route. The
    sentence is English, for people.
    """

    why: Why
    sentence: str
    mail: MailState | None = None
    suppress: bool = False
    person: bool = False
    finding: bool = False


MEANINGS = {
    "user unknown": "the address does not exist",
    "host unknown": "the address's domain does not exist, or has no mail server",
    "mailbox full": "the mailbox is full",
    "suspended": "the mailbox is disabled",
    "expired": "it could not be delivered in time",
    "policy": "the receiver's policy refuses it",
    "authentication": "it fails authentication (SPF, DKIM, DMARC)",
    "no ptr": "the sending IP has no host name that leads back to it",
    "blocked": "the sending IP or domain is blocked",
    "rate limited": "too much was sent at once",
    "spam": "it was taken for spam",
    "content": "its content or its form was refused",
    "too big": "it is too big",
    "not accepting mail": "the address's domain takes no mail",
    "system error": "a mail system had a fault of its own",
    "network error": "the receiving server could not be reached",
    "complaint": "the recipient called it spam",
    "unknown": "no reason was given that we know",
}
"""What each reason means, in words for people."""

LONGEST_WORDS = 200


def rule(returned: Returned) -> Ruling:
    """Decide what is done about one recipient."""
    if returned.link is Link.ADDRESS:
        return Ruling(
            Why.UNPROVEN,
            f"A {returned.kind} names {_who(returned)}, and nothing proves that it is about a mail "
            "of ours: noted only.",
        )
    match returned.kind:
        case "bounce":
            return _bounce(returned)
        case "complaint":
            return _complaint(returned)
        case "delay":
            reason = MEANINGS[returned.reason]
            return _noted(
                returned, Why.DELAYED, f"A server keeps trying: {reason}{_said(returned)}."
            )
        case _:
            return _noted(
                returned, Why.ANSWERED, f"No bounce came back, but an answer: {returned.kind}."
            )


def _bounce(returned: Returned) -> Ruling:
    came_back = f"It came back from {_who(returned)}: {MEANINGS[returned.reason]}{_said(returned)}."
    if returned.fault is Fault.SEED:
        suppress = returned.hard and returned.link is Link.SIGNED and not returned.textual
        more = " Nothing more is sent to this address." if suppress else ""
        return Ruling(Why.ADDRESS, came_back + more, MailState.BOUNCED, suppress=suppress)
    if returned.fault is Fault.SENDER:
        ours = f"{came_back} The address is not to blame."
        return Ruling(Why.SENDER, ours, MailState.AT_RISK, finding=True)
    return Ruling(Why.UNCLEAR, came_back, MailState.AT_RISK)


def _complaint(returned: Returned) -> Ruling:
    """Mail that somebody called spam is read: its state stays, and a person writes or does not."""
    return Ruling(
        Why.COMPLAINT,
        f"Marked as spam by {_who(returned)}: nothing more is sent to this address until "
        "a person has looked at it.",
        suppress=True,
        person=True,
    )


def _noted(returned: Returned, why: Why, sentence: str) -> Ruling:
    """Whoever answers or delays had it: that ends a doubt whether the next server took it."""
    taken = MailState.WATCHED if returned.link is Link.SIGNED else None
    return Ruling(why, sentence, taken)


def _who(returned: Returned) -> str:
    return returned.recipient or "the recipient"


def _said(returned: Returned) -> str:
    words = returned.words[:LONGEST_WORDS].rstrip(". ")
    return f" ({words})" if words else ""
