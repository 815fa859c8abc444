"""What the reader makes of a corpus of our own, in figures."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from daemon.intake.bounces.reading import read_bounce
from daemon.intake.bounces.verdict import Bounce, BounceKind, NoBounce
from daemon.rulings.bounces import Link, Returned, Ruling, rule
from tests.daemon.intake.bounces.corpus import BOUNCES, HERE, OTHERS, OURS, TRUTHS, Truth, group

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.intake.bounces.verdict import Failure


def share(name: str, right: Callable[[Truth, Failure], bool]) -> float:
    """Prints and returns the share of bounces of which `right` holds; none that was missed."""
    wrong = []
    for truth in BOUNCES:
        read = truth.read()
        if not isinstance(read, Bounce) or not right(truth, read.recipients[0]):
            wrong.append(truth.sample)
    found = 1 - len(wrong) / len(BOUNCES)
    print(f"{name}: {found:.1%} of {len(BOUNCES)}; wrong: {wrong}")  # noqa: T201 - the figures
    return found


def test_the_table_and_the_files_agree() -> None:
    files = {path.stem for path in (HERE / "samples").iterdir()}
    assert files == {truth.sample for truth in TRUTHS}
    assert len(BOUNCES) >= 60
    assert len(OTHERS) >= 40


def test_the_kind_is_right_and_a_delay_is_never_permanent() -> None:
    kinds = {truth.sample: str(truth.read().kind) for truth in BOUNCES}
    assert kinds == {truth.sample: truth.kind for truth in BOUNCES}
    for truth in BOUNCES:
        read = truth.read()
        if read.kind is BounceKind.DELAY:
            assert isinstance(read, Bounce)
            assert {(one.severity, one.hard) for one in read.recipients} == {(4, False)}


def test_the_class_is_right_in_97_of_100() -> None:
    assert share("class", lambda truth, one: str(one.severity) == truth.severity) >= 0.97


def test_the_hard_flag_is_right_in_95_of_100() -> None:
    assert share("hard", lambda truth, one: one.hard == truth.hard) >= 0.95


def test_the_reason_is_of_the_right_group_in_90_of_100() -> None:
    share("reason", lambda truth, one: one.reason == truth.reason)
    right = share("reason group", lambda truth, one: group(one.reason) == group(truth.reason))
    assert right >= 0.90


def test_the_recipient_is_found_in_96_of_100_and_wrong_in_1() -> None:
    found = share("recipient", lambda truth, one: one.address == truth.recipient)
    not_wrong = share("not wrong", lambda truth, one: one.address in {truth.recipient, ""})
    assert found >= 0.96
    assert not_wrong >= 0.99


@pytest.mark.parametrize("truth", OTHERS, ids=lambda truth: truth.sample)
def test_what_is_no_bounce_is_none(truth: Truth) -> None:
    read = truth.read()
    assert isinstance(read, NoBounce)
    assert (str(read.kind), read.why[-1]) == (truth.kind, ".")


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\r\r\n"])
def test_line_ends_change_nothing(end: bytes) -> None:
    for truth in TRUTHS:
        changed = read_bounce(truth.raw.replace(b"\n", end), ours=OURS)
        assert changed == truth.read(), truth.sample


def test_no_text_and_nothing_but_a_bounce_ever_suppresses_anybody() -> None:
    """Even where a signed return path names the mail."""
    for truth in TRUTHS:
        read = truth.read()
        failures = read.recipients if isinstance(read, Bounce) else ()
        textual = isinstance(read, NoBounce) or read.textual
        rulings = [ruled(read.kind, one, textual=textual) for one in failures]
        rulings = rulings or [rule(Returned(read.kind, Link.SIGNED))]
        suppressing = any(ruling.suppress for ruling in rulings)
        assert not (suppressing and textual), truth.sample
        assert suppressing == (truth.kind == "complaint" or (truth.hard and not textual))


def ruled(kind: str, one: Failure, *, textual: bool) -> Ruling:
    return rule(
        Returned(kind, Link.SIGNED, one.address, one.reason, one.hard, one.fault, textual, one.text)
    )


def test_the_original_is_named_wherever_it_is_returned() -> None:
    returned = [truth for truth in BOUNCES if b"<order-1001@shop.example>" in truth.raw]
    named = {truth.sample: original(truth.read()) for truth in returned}
    assert set(named.values()) == {"order-1001@shop.example"}, named
    assert len(returned) >= 50


def original(read: Bounce | NoBounce) -> str | None:
    return read.original_message_id if isinstance(read, Bounce) else None


def test_whose_fault_it_is_follows_from_the_reason() -> None:
    faults: dict[str, set[str]] = defaultdict(set)
    for truth in BOUNCES:
        read = truth.read()
        assert isinstance(read, Bounce)
        faults[read.recipients[0].reason].add(read.recipients[0].fault)
    for reason in ("user unknown", "host unknown", "mailbox full", "suspended"):
        assert faults[reason] == {"seed"}
    for reason in ("authentication", "no ptr", "blocked", "spam", "rate limited", "too big"):
        assert faults[reason] == {"sender"}
