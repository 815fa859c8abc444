"""What people read of a receipt: plain words first, the protocol's own line behind each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.intake.bounces.verdict import Reason
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.arrival import IntakeMode
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState
from daemon.rulings import refusals
from daemon.rulings.timeline import CAUSES, STANDS, Receipt, Return, Sending, Step, Try, timeline
from probes.observation import Fault

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
RECEIPT = Receipt(
    mode=IntakeMode.RELAY,
    client="192.0.2.7",
    recipient="bob@mailbox.example",
    received_at=START,
    message_id="1001@shop.example",
    size=3120,
)
REFUSED: dict[str, Any] = {"outcome": "rejected", "stage": "rcpt", "code": 550}


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def shown(instant: datetime) -> str:
    return instant.strftime("%H:%M")


def sending(state: AttemptState, *tries: Try, **changed: Any) -> Sending:
    made = Sending(
        n=1,
        route="primary",
        cause="first",
        state=state,
        why=None,
        queued_at=at(0),
        due_at=at(140),
        settled_at=None,
        tries=tries,
    )
    return replace(made, **changed)


def tried(minutes: int, **told: Any) -> Try:
    return Try(started_at=at(minutes), ended_at=at(minutes), **{"host": "mx.relay.example", **told})


def told(*sendings: Sending, returns: tuple[Return, ...] = ()) -> list[Step]:
    return timeline(RECEIPT, sendings, returns, shown)


def last(*sendings: Sending) -> str:
    return told(*sendings)[-1].said


def test_a_receipt_begins_with_its_arrival() -> None:
    [step] = told()
    assert step == Step(
        START,
        "The shop handed it in, for bob@mailbox.example.",
        "from 192.0.2.7, Message-ID <1001@shop.example>, 3,120 bytes",
    )


def test_a_copy_was_sent_by_the_shop_itself() -> None:
    [step] = timeline(replace(RECEIPT, mode=IntakeMode.COPY), [], [], shown)
    assert step.said == "A copy came in; the shop sends the receipt itself."


def test_what_could_not_be_read_or_has_a_twin_is_told() -> None:
    odd = replace(RECEIPT, problem="It has 1,000 parts.", twin="m-1", message_id=None)
    [step] = timeline(odd, [], [], shown)
    assert "could not be read whole: It has 1,000 parts." in step.said
    assert "same Message-ID" in step.said
    assert "no Message-ID" in str(step.raw)


def test_accepted_is_never_called_delivered() -> None:
    accepted = tried(
        1,
        outcome="accepted",
        stage="data",
        code=250,
        enhanced="2.0.0",
        text="Ok: queued as 4FZ",
        tls_version="TLSv1.3",
    )
    step = told(sending(AttemptState.ACCEPTED, accepted))[-1]
    assert "next server on the way to the customer's provider; not proof of the inbox" in step.said
    assert "deliver" not in step.said
    assert step.raw == "mx.relay.example, TLSv1.3, at data: 250 2.0.0 Ok: queued as 4FZ"


def test_a_deferred_mail_says_when_it_is_tried_next() -> None:
    said = last(
        sending(AttemptState.DEFERRED, tried(1, outcome="deferred", code=451, enhanced="4.7.1"))
    )
    assert said.startswith("mx.relay.example (route primary) asked us to try later.")
    assert said.endswith("Next try 14:20.")


def test_only_the_last_try_says_when_the_next_is() -> None:
    later = [tried(n, outcome="deferred", code=451) for n in (1, 6, 16)]
    steps = told(sending(AttemptState.DEFERRED, *later))
    assert ["Next try" in step.said for step in steps] == [False, False, False, True]


def test_a_mailbox_that_does_not_exist_is_a_typing_mistake() -> None:
    of_seeds = {"meaning": "The seed does not exist.", "remedy": "Correct the seed's address."}
    refused = tried(1, **REFUSED, enhanced="5.1.1", fault=Fault.SEED, **of_seeds)
    said = last(sending(AttemptState.REJECTED, refused))
    assert said.endswith("This address does not exist. Often a typing mistake.")
    assert "seed" not in said


def test_the_shops_own_fault_comes_with_its_remedy() -> None:
    refused = tried(
        1,
        **REFUSED,
        enhanced="5.7.26",
        fault=Fault.SENDER,
        meaning="Gmail refused it because neither SPF nor DKIM passed.",
        remedy="Sign with DKIM.",
    )
    said = last(sending(AttemptState.REJECTED, refused))
    assert "refused the shop's mail. Gmail refused it because" in said
    assert said.endswith("To do: Sign with DKIM.")


@pytest.mark.parametrize("stage", ["connect", "tls", "login"])
def test_a_server_that_cannot_be_used_is_told(stage: str) -> None:
    said = last(sending(AttemptState.DEFERRED, tried(1, host=None, outcome="failed", stage=stage)))
    assert said.startswith("Route primary could not be used.")


def test_a_connection_that_broke_before_the_final_dot_handed_nothing_over() -> None:
    broken = tried(1, outcome="failed", stage="data")
    assert "broke before the mail was handed over" in last(sending(AttemptState.DEFERRED, broken))


SILENT = [Try(at(1)), tried(1, outcome="failed", stage="data")]


@pytest.mark.parametrize("end", SILENT)
def test_in_doubt_is_told_as_doubt(end: Try) -> None:
    said = last(sending(AttemptState.IN_DOUBT, end))
    assert "it may have arrived or not" in said
    assert "not sent again by itself" in said


@pytest.mark.parametrize("end", SILENT)
@pytest.mark.parametrize("known", [AttemptState.ACCEPTED, AttemptState.BOUNCED])
def test_a_doubt_that_is_over_was_a_doubt(end: Try, known: AttemptState) -> None:
    assert "it may have arrived or not" in told(sending(known, end))[1].said


@pytest.mark.parametrize("end", SILENT)
def test_a_doubt_that_a_person_ended_was_a_doubt(end: Try) -> None:
    called_off = sending(AttemptState.CANCELLED, end, why="Mina has it sent.", settled_at=at(1))
    again = sending(AttemptState.QUEUED, n=2, cause="person", queued_at=at(60))
    steps = told(called_off, again)
    assert "it may have arrived or not" in steps[1].said
    assert steps[2] == Step(at(60), "A person has it sent again, by primary.")
    assert len(steps) == 3


def test_a_login_that_is_refused_says_nothing_about_the_mail() -> None:
    refused = tried(1, outcome="rejected", stage="login", code=535, meaning="The login is wrong.")
    said = last(sending(AttemptState.CANCELLED, refused, why="primary could not be used."))
    assert "refused" not in told(sending(AttemptState.CANCELLED, refused))[1].said
    assert said == "Not sent by primary any more: primary could not be used."


def test_a_try_without_an_end_lasts_or_was_cut_short() -> None:
    assert last(sending(AttemptState.SENDING, Try(at(1)))) == "It is being sent by primary."
    assert "cut short before anything" in last(sending(AttemptState.QUEUED, Try(at(1))))
    again = sending(AttemptState.ACCEPTED, Try(at(1)), tried(2, outcome="accepted"))
    assert "cut short before anything" in told(again)[1].said


def test_a_fallback_that_works_does_not_hide_the_broken_primary() -> None:
    first = sending(
        AttemptState.REJECTED,
        tried(1, **REFUSED, fault=Fault.SENDER, meaning="No."),
        why="primary refused it: backup takes over.",
    )
    second = sending(
        AttemptState.ACCEPTED,
        tried(2, host="mx.backup.example", outcome="accepted"),
        n=2,
        route="backup",
        cause="failover",
        queued_at=at(1) + timedelta(seconds=1),
    )
    steps = told(first, second)
    assert "refused the shop's mail" in steps[1].said
    assert steps[2].said == "primary refused it: backup takes over."
    assert "Accepted by mx.backup.example (route backup)" in steps[3].said


def test_a_route_that_is_known_to_be_down_is_passed_over_in_one_step() -> None:
    passed = sending(AttemptState.CANCELLED, why="primary is down: backup takes over.")
    taken = sending(AttemptState.QUEUED, n=2, route="backup", cause="failover")
    assert [step.said for step in told(passed, taken)][1:] == [passed.why]


def test_an_attempt_that_was_called_off_says_why() -> None:
    off = sending(AttemptState.CANCELLED, why="The address is suppressed.", settled_at=at(3))
    assert told(off)[-1] == Step(at(3), "Not sent by primary any more: The address is suppressed.")


def test_what_came_back_stands_where_it_came_in() -> None:
    back = Return(at(9), "bounce", "mailbox full", "5.2.2", "Over quota")
    late = Return(at(4), "delay", "network error", "4.4.1", "still trying")
    angry = Return(at(12), "complaint", "complaint", None, "")
    steps = told(
        sending(AttemptState.BOUNCED, tried(1, outcome="accepted")), returns=(back, late, angry)
    )
    assert [step.at for step in steps] == [at(0), at(1), at(4), at(9), at(12)]
    assert "nothing has failed yet" in steps[2].said
    assert (steps[3].said, steps[3].raw) == (
        "It came back. The mailbox is full.",
        "5.2.2 Over quota",
    )
    assert (steps[4].said, steps[4].raw) == ("The customer reported the mail as spam.", None)


@pytest.mark.parametrize(
    ("reason", "status", "said"),
    [
        ("user unknown", "5.1.1", "This address does not exist. Often a typing mistake."),
        ("unknown", "5.1.1", "This address does not exist. Often a typing mistake."),
        ("mailbox full", "5.2.2", "The mailbox is full."),
        ("unknown", "5.7.509", "The provider refused the shop's mail."),
        ("unknown", "5.0.0", "The provider gave no reason that we know."),
        ("unknown", None, "The provider gave no reason that we know."),
    ],
)
def test_a_bounces_reason_is_told_in_words(reason: str, status: str | None, said: str) -> None:
    assert refusals.of_bounce(reason, status) == said


def test_every_word_that_the_ledger_stores_has_its_sentence() -> None:
    assert set(refusals.BY_REASON) == set(Reason) - {Reason.UNKNOWN}
    assert set(CAUSES) == set(AttemptCause) - {AttemptCause.FIRST}
    assert set(STANDS) == set(MailState)
