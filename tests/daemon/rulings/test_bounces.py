"""What a bounce does, by how surely it is about a mail of ours."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from daemon.intake.bounces.verdict import NoBounceKind, Reason
from daemon.ledger.bounces import Effect
from daemon.lifecycles.order_mail import MailState
from daemon.rulings.bounces import MEANINGS, Link, Returned, Why, rule
from probes.observation import Fault

HARD = Returned(
    "bounce", Link.SIGNED, "kim@customer.example", "user unknown", hard=True, fault=Fault.SEED
)
EVERY = [
    Returned(kind, link, "kim@customer.example", reason, hard, fault, textual)
    for kind, link, reason, hard, fault, textual in product(
        ["bounce", "delay", "complaint", *NoBounceKind],
        Link,
        ["user unknown", "blocked", "unknown"],
        [True, False],
        Fault,
        [True, False],
    )
]


def test_a_signed_report_of_a_dead_address_suppresses_it_and_marks_the_mail() -> None:
    ruling = rule(replace(HARD, words="550 5.1.1 User unknown."))
    assert (ruling.mail, ruling.suppress, ruling.why) == (MailState.BOUNCED, True, Why.ADDRESS)
    assert ruling.sentence == (
        "It came back from kim@customer.example: the address does not exist "
        "(550 5.1.1 User unknown). Nothing more is sent to this address."
    )


@pytest.mark.parametrize(
    "change",
    [
        {"textual": True},
        {"link": Link.MESSAGE_ID},
        {"hard": False, "reason": "mailbox full"},
    ],
    ids=str,
)
def test_short_of_that_the_mail_is_marked_and_nobody_is_suppressed(
    change: dict[str, object],
) -> None:
    ruling = rule(replace(HARD, **change))  # type: ignore[arg-type]
    assert (ruling.mail, ruling.suppress) == (MailState.BOUNCED, False)


def test_an_address_alone_proves_nothing() -> None:
    rulings = [rule(returned) for returned in EVERY if returned.link is Link.ADDRESS]
    assert {(one.why, one.mail, one.suppress) for one in rulings} == {(Why.UNPROVEN, None, False)}


def test_nothing_but_a_hard_signed_report_or_a_complaint_ever_suppresses() -> None:
    suppressing = {(r.kind, r.link, r.hard, r.fault, r.textual) for r in EVERY if rule(r).suppress}
    bounces = {one for one in suppressing if one[0] == "bounce"}
    assert bounces == {("bounce", Link.SIGNED, True, Fault.SEED, False)}
    assert {one[0] for one in suppressing - bounces} == {"complaint"}


def test_what_is_no_bounce_moves_nothing_but_ends_a_doubt() -> None:
    for kind, link in product(["delay", *NoBounceKind], Link):
        ruling = rule(Returned(kind, link, hard=True, fault=Fault.SEED))
        assert ruling.mail is (MailState.WATCHED if link is Link.SIGNED else None)


def test_a_fault_of_the_sender_puts_the_mail_at_risk_and_speaks_about_the_route() -> None:
    ruling = rule(replace(HARD, reason="blocked", hard=False, fault=Fault.SENDER))
    assert (ruling.mail, ruling.finding, ruling.suppress) == (MailState.AT_RISK, True, False)
    assert ruling.sentence.endswith("The address is not to blame.")


@pytest.mark.parametrize("fault", [Fault.NETWORK, Fault.UNKNOWN, Fault.NONE])
def test_a_fault_of_nobody_known_puts_the_mail_at_risk_only(fault: Fault) -> None:
    ruling = rule(replace(HARD, reason="expired", hard=False, fault=fault))
    assert (ruling.mail, ruling.finding, ruling.why) == (MailState.AT_RISK, False, Why.UNCLEAR)


def test_a_complaint_suppresses_and_wants_a_person() -> None:
    ruling = rule(replace(HARD, kind="complaint", reason="complaint", link=Link.MESSAGE_ID))
    assert (ruling.mail, ruling.suppress, ruling.person) == (None, True, True)


def test_every_reason_has_a_meaning_and_every_ruling_a_sentence_that_the_ledger_takes() -> None:
    assert set(MEANINGS) == set(Reason)
    for returned in EVERY:
        ruling = rule(returned)
        assert ruling.sentence.endswith(".")
        Effect(ruling.mail, ruling.sentence, ruling.suppress)
