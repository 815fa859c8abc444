"""Reads a bounce: what came back, for whom, how badly, why, and whose fault it was.

The sources are asked from the surest on: the delivery-status part, the feedback report,
X-Failed-Recipients, the fields of a delivery status in plain text, the forms that mail systems give
a failed address, flufl.bounce, and at last whom the returned message was addressed to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from daemon.intake.bounces import addresses, delivery_status, feedback, outside, told
from daemon.intake.bounces.anatomy import dissect
from daemon.intake.bounces.families import family
from daemon.intake.bounces.gate import demurrer, is_anonymous
from daemon.intake.bounces.phrases import pattern
from daemon.intake.bounces.reasons import TEMPORARY, VAGUE, Said, cause_of, is_hard
from daemon.intake.bounces.returned import Returned, answered, returned
from daemon.intake.bounces.returned import told as told_part
from daemon.intake.bounces.verdict import (
    Bounce,
    BounceKind,
    Failure,
    NoBounce,
    NoBounceKind,
    Reason,
)
from probes.letter import TooHostile
from probes.observation import Fault
from probes.reply_text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from daemon.intake.bounces.anatomy import Anatomy
    from daemon.intake.bounces.delivery_status import StatusBlock

LONGEST_SEARCH = 128 * 1024
_DELAYED = pattern("delayed")
_DELAY_SUBJECT = pattern("delay")
_GENERIC = re.compile(r"[245]\.0\.0")


@dataclass(frozen=True, slots=True)
class _Account:
    """What one source says of one recipient."""

    address: str
    words: str
    status: str | None = None
    code: int | None = None
    remote_mta: str | None = None
    delayed: bool = False


def read_bounce(raw: bytes, *, ours: Collection[str], mail_from: str = "") -> Bounce | NoBounce:
    """Read a message that came back to one of our addresses.

    `ours` are our return paths and senders: never the address that failed, with what stands behind
    a "+" neither. `mail_from` is its envelope sender, "" for the null one or when nobody knows.
    Raises nothing; what breaks a cap is UNREADABLE. Time is linear in the first megabyte.
    """
    try:
        message = dissect(raw)
    except TooHostile as error:
        return NoBounce(NoBounceKind.UNREADABLE, f"It is not read: {error}.")
    demurred = demurrer(message, mail_from)
    if demurred:
        return demurred
    reported = feedback.feedback(message)
    if reported:
        return _complaint(message, reported, ours)
    bounce = _bounce(message, ours)
    if bounce.textual and bounce.recipients[0].address == "" and is_anonymous(message):
        why = "It names nobody, and no mail system of its own name sent it."
        return NoBounce(NoBounceKind.ORDINARY, why)
    return bounce


def _complaint(message: Anatomy, report: feedback.Feedback, ours: Collection[str]) -> Bounce:
    """Yahoo, AOL and others take the recipient out of the report, and leave it in the message."""
    about = returned(message)
    known = addresses.Ours(ours)
    who = addresses.strangers((*report.recipients, *about.recipients), known) or ("",)
    text = printable(f"Complaint ({report.type}) by {report.agent or report.reporter or 'a user'}")
    failures = tuple(
        Failure(a, 5, None, None, Reason.COMPLAINT, hard=False, fault=Fault.SEED, text=text)
        for a in who[:1]
    )
    kind = BounceKind.COMPLAINT
    return Bounce(kind, failures, about.message_id, family(message, standard=True), textual=False)


def _bounce(message: Anatomy, ours: Collection[str]) -> Bounce:
    about, before = returned(message), told_part(message.text)[0]
    status = message.content(*delivery_status.PARTS) or ""
    accounts = _from_blocks(delivery_status.blocks(status))
    textual = not accounts
    if textual:
        accounts = _from_text(message, before, about, addresses.Ours(ours))
    else:
        accounts = tuple(_completed(one, before, about, addresses.Ours(ours)) for one in accounts)
    delayed = _is_delay(message, accounts, before, textual=textual)
    failed = [one for one in accounts if delayed or not one.delayed]
    return Bounce(
        BounceKind.DELAY if delayed else BounceKind.BOUNCE,
        tuple(_failure(one, before, delayed=delayed) for one in failed),
        about.message_id or answered(message),
        family(message, standard=not textual),
        textual,
    )


def _from_blocks(blocks: Iterable[StatusBlock]) -> tuple[_Account, ...]:
    return tuple(
        _Account(
            block.address,
            block.diagnostic,
            block.status,
            told.quoted(block.diagnostic)[0],
            block.remote_mta,
            delivery_status.is_delay(block),
        )
        for block in blocks
        if not delivery_status.is_success(block)
    )


def _completed(account: _Account, before: str, about: Returned, ours: addresses.Ours) -> _Account:
    """An account whose block names no address, or no words, has them from the text for people."""
    if account.address and account.words:
        return account
    found = _told(before, about, ours)
    if not account.address:
        found = found or tuple(_worded(a, "") for a in about.recipients)
        return replace(account, address=found[0].address if found else "")
    words = (one.words for one in found if one.address.lower() == account.address.lower())
    return replace(account, words=next(words, ""))


def _from_text(
    message: Anatomy, before: str, about: Returned, ours: addresses.Ours
) -> tuple[_Account, ...]:
    """Accounts of a bounce without a part for machines; at least one, perhaps of nobody."""
    raw = message.raw[:LONGEST_SEARCH].decode("utf-8", "replace")
    blocks = [b for b in delivery_status.blocks(raw) if b.address and b.address not in ours]
    if blocks:
        return _from_blocks(blocks)
    told_of = _told(before, about, ours)
    known = addresses.strangers(addresses.found_in(message.words("x-failed-recipients")), ours)
    if known:
        words = {one.address.lower(): one.words for one in told_of}
        return tuple(_worded(a, words.get(a.lower(), "")) for a in known)
    if told_of:
        return told_of
    others = outside.recipients(message.raw) or about.recipients
    return tuple(
        _worded(a, "")
        for a in addresses.strangers(others, ours, {s.lower() for s in about.senders})
    ) or (_worded("", ""),)


def _told(before: str, about: Returned, ours: addresses.Ours) -> tuple[_Account, ...]:
    """The accounts in the text above the returned message; the addressed ones rather."""
    senders = {sender.lower() for sender in about.senders}
    senders -= {recipient.lower() for recipient in about.recipients}
    addressed = {recipient.lower() for recipient in about.recipients}
    loose: tuple[_Account, ...] = ()
    for found in told.named(before):
        kept = {
            one.address.lower(): _worded(one.address, one.words)
            for one in reversed(found)
            if one.address not in ours and one.address.lower() not in senders
        }
        accounts = tuple(reversed(kept.values()))
        meant = tuple(a for a in accounts if a.address.lower() in addressed)
        private = tuple(a for a in accounts if not addresses.is_official(a.address))
        if meant:
            return meant
        loose = loose or private
    return loose


def _worded(address: str, words: str) -> _Account:
    code, status = told.quoted(words)
    return _Account(address, words, status, code)


def _is_delay(
    message: Anatomy, accounts: Sequence[_Account], before: str, *, textual: bool
) -> bool:
    if not textual:
        return bool(accounts) and all(account.delayed for account in accounts)
    if any(account.delayed for account in accounts):
        return True
    hinted = bool(_DELAY_SUBJECT.search(message.words("subject")))
    return bool(_DELAYED.search(" ".join(before.split()))) or (
        hinted and "delayed" in before.lower()
    )


def _failure(account: _Account, before: str, *, delayed: bool) -> Failure:
    """The verdict on one recipient: from its own words, else from all that is told."""
    code, status = account.code, account.status
    quoted = told.quoted(account.words)[1]
    if quoted and not _GENERIC.fullmatch(quoted):
        status = quoted  # the remote server's own, which the reporting one may have made vague
    if code is None and status is None:
        code, status = told.quoted(before)
    said = Said(code, status, account.words, account.remote_mta or "")
    cause = cause_of(said, delayed=delayed)
    if cause.reason in VAGUE:
        told_all = cause_of(replace(said, words=before), delayed=delayed)
        better = cause.reason is Reason.UNKNOWN or told_all.reason not in VAGUE
        cause = told_all if better else cause
    severity = 4 if delayed else _severity(status, code, cause.reason)
    return Failure(
        account.address,
        severity,
        status,
        code,
        cause.reason,
        is_hard(cause, severity),
        cause.fault,
        printable(account.words or before),
        account.remote_mta,
    )


def _severity(status: str | None, code: int | None, reason: Reason) -> int:
    """The class of RFC 3463: the server's own, but 5.0.0 says only that somebody gave up."""
    if status and not _GENERIC.fullmatch(status):
        return 4 if status[0] == "4" else 5
    if code:
        return code // 100
    return 4 if reason in TEMPORARY else 5
