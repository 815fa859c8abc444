"""What is written down of a bounce: for the mail it is about, and for whoever cares for its route.

Pure; what strangers wrote comes out on printable lines of bounded length.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from daemon.ledger import bounces
from daemon.rulings.bounces import Link, Returned, Ruling
from probes.letter import TooHostile, read_letter
from probes.observation import Fault, Finding, Severity
from probes.replies import classify
from probes.reply_text import printable

if TYPE_CHECKING:
    from daemon.intake.bounces.verdict import Bounce, Failure
    from daemon.ledger.messages import Unread
    from daemon.rounds.bounce_links import Linked

CHECK = "bounce"
"""The name under which findings about bounces stand."""


def returned(bounce: Bounce, one: Linked) -> Returned:
    """The failure as the rules ask for it."""
    failure = one.failure
    return Returned(
        kind=bounce.kind,
        link=one.link,
        recipient=_recipient(one),
        reason=failure.reason,
        hard=failure.hard,
        fault=failure.fault,
        textual=bounce.textual,
        words=failure.text,
    )


def record(message: Unread, bounce: Bounce, one: Linked) -> bounces.Bounce:
    """The failure as the ledger keeps it."""
    failure = one.failure
    return bounces.Bounce(
        shop=message.shop,
        message=message.id,
        mail=one.mail.id if one.mail else None,
        attempt=one.attempt,
        recipient=_recipient(one),
        sha256=digest(message.raw),
        received_at=message.received_at,
        kind=bounce.kind,
        signed=one.link is Link.SIGNED,
        status=failure.status,
        reason=failure.reason,
        hard=failure.hard,
        fault=failure.fault,
        text=printable(failure.text),
        facts=_facts(bounce, failure),
    )


def digest(raw: bytes) -> bytes:
    """SHA-256 of the body: whatever ways a bounce came by, it is one."""
    try:
        text = read_letter(raw).body
    except TooHostile:
        text = raw
    return hashlib.sha256(text).digest()


def effect(ruling: Ruling) -> bounces.Effect:
    """What is done, as the ledger carries it out."""
    return bounces.Effect(ruling.mail, ruling.sentence if ruling.mail else None, ruling.suppress)


def finding(one: Linked, ruling: Ruling) -> Finding:
    """What the bounce says about the route: the sender's fault, and what to do about it."""
    failure, mail = one.failure, one.mail
    code = failure.code or failure.severity * 100 + 50
    provider = mail.provider if mail else None
    reply = classify(provider or None, code, failure.status, failure.text)
    known = reply.fault is Fault.SENDER
    return Finding(
        CHECK,
        failure.status or failure.reason,
        Severity.PROBLEM,
        reply.meaning if known else ruling.sentence,
        {"mail": mail and mail.id, "attempt": one.attempt, "said": printable(failure.text)},
        reply.remedy if known else None,
    )


def _recipient(one: Linked) -> str:
    return printable(one.failure.address) or (one.mail.recipient if one.mail else "")


def _facts(bounce: Bounce, failure: Failure) -> dict[str, Any]:
    told = {"remote_mta": failure.remote_mta, "message_id": bounce.original_message_id}
    return {
        "family": bounce.family,
        "textual": bounce.textual,
        "severity": failure.severity,
        "code": failure.code,
        **{name: printable(value) if value else None for name, value in told.items()},
    }
