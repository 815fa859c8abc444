"""What the reader makes of a corpus of our own, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.intake.bounces.verdict import Bounce, BounceKind, NoBounce
from tests.daemon.intake.bounces.corpus import BOUNCES, HERE, OTHERS, TRUTHS, Truth, group

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
        assert truth.read(truth.raw.replace(b"\n", end)) == truth.read(), truth.sample
