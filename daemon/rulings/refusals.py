"""Why an order's mail was not taken, or came back, in words for the shop's people."""

from __future__ import annotations

from probes.observation import Fault

BY_REASON = {
    "user unknown": "This address does not exist. Often a typing mistake.",
    "host unknown": "The domain of this address does not exist. Often a typing mistake.",
    "mailbox full": "The mailbox is full.",
    "suspended": "The mailbox is switched off.",
    "expired": "The servers on the way tried for days and gave up.",
    "policy": "The provider refused the shop's mail, by a rule of its own.",
    "authentication": "The provider refused the shop's mail: SPF, DKIM or DMARC did not show that "
    "it is genuine.",
    "no ptr": "The provider refused the shop's mail: the sending server has no proper name in DNS.",
    "blocked": "The provider refused the shop's mail: its server or domain is on a block list.",
    "rate limited": "The provider refused the shop's mail: too much came at a time.",
    "spam": "The provider refused the shop's mail as spam.",
    "content": "The provider refused what stands in the mail.",
    "too big": "The mail is larger than the provider takes.",
    "not accepting mail": "The domain of this address takes no mail.",
    "system error": "The provider's server had a fault.",
    "network error": "The provider's server could not be reached.",
    "complaint": "The customer reported the mail as spam.",
}
"""A bounce's reason to its sentence; "unknown" is told by the status."""

_BY_DETAIL = {
    "1.1": BY_REASON["user unknown"],
    "1.10": BY_REASON["not accepting mail"],
    "1.2": BY_REASON["host unknown"],
    "2.1": BY_REASON["suspended"],
    "2.2": BY_REASON["mailbox full"],
    "2.3": BY_REASON["too big"],
    "3.4": BY_REASON["too big"],
    "4.7": BY_REASON["expired"],
}
"""The last two numbers of a status (RFC 3463) to their sentence."""


def of_bounce(reason: str, status: str | None) -> str:
    """Why a mail came back."""
    return BY_REASON.get(reason) or of_status(status) or "The provider gave no reason that we know."


def of_reply(status: str | None, fault: Fault | None, meaning: str | None) -> str | None:
    """What a refusing reply means, if anybody knows: `meaning` is the table of replies' own.

    The address's faults are told in words for shops: the table speaks of probe inboxes there.
    """
    if fault is Fault.SEED:
        return of_status(status) or "The mailbox cannot take the mail."
    return meaning or of_status(status)


def of_status(status: str | None) -> str | None:
    """What a status of RFC 3463 ("5.1.1") says by itself, if that is much."""
    _, _, detail = (status or "").partition(".")
    if detail.startswith("7."):
        return "The provider refused the shop's mail."
    return _BY_DETAIL.get(detail)
