from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rulings.way_out import (
    Choice,
    Ending,
    Reason,
    Ruling,
    Tried,
    decide,
    instead,
    life_over,
)
from probes.observation import Fault

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=5)


def tried(
    ending: Ending, fault: Fault = Fault.UNKNOWN, route: str = "main", minutes_ago: float = 0
) -> Tried:
    return Tried(route, NOW - timedelta(minutes=minutes_ago), ending, fault)


def ruling(
    last: Tried,
    *before: Tried,
    others: tuple[str, ...] = ("spare",),
    down: tuple[str, ...] = (),
    expires_at: datetime = LATER,
) -> Ruling:
    return decide(last, before, others=others, down=down, expires_at=expires_at)


def chosen(one: Ruling) -> tuple[Choice, Reason, str | None]:
    return one.choice, one.reason, one.route


def test_what_was_taken_is_done() -> None:
    assert chosen(ruling(tried(Ending.ACCEPTED))) == (Choice.ACCEPTED, Reason.TAKEN, None)


def test_silence_after_the_dot_is_never_sent_again_by_itself() -> None:
    one = ruling(tried(Ending.IN_DOUBT))
    assert chosen(one) == (Choice.IN_DOUBT, Reason.SILENT_AFTER_DOT, None)
    assert "may have arrived" in one.sentence


def test_the_addresss_fault_ends_it_and_no_other_route_is_asked() -> None:
    one = ruling(tried(Ending.REJECTED, Fault.SEED))
    assert chosen(one) == (Choice.BOUNCED, Reason.ADDRESS_REFUSED, None)


@pytest.mark.parametrize("fault", [Fault.SENDER, Fault.UNKNOWN, Fault.NETWORK])
def test_a_refusal_of_the_sender_goes_to_the_next_route_at_once(fault: Fault) -> None:
    one = ruling(tried(Ending.REJECTED, fault), others=("spare", "third"))
    assert chosen(one) == (Choice.FAIL_OVER, Reason.ROUTE_REFUSED, "spare")
    assert not one.later
    assert one.sentence == "main refused it: spare takes over."


def test_a_route_that_is_down_is_passed_over() -> None:
    last = tried(Ending.REJECTED, Fault.SENDER)
    assert ruling(last, others=("spare", "third"), down=("spare",)).route == "third"


def test_a_refused_mail_waits_for_the_only_other_route_while_that_is_down() -> None:
    one = ruling(tried(Ending.REJECTED, Fault.SENDER), down=("spare",))
    assert chosen(one) == (Choice.FAIL_OVER, Reason.ROUTE_REFUSED, "spare")
    assert one.later


def test_what_every_route_refused_is_held() -> None:
    before = tried(Ending.REJECTED, Fault.SENDER, "main", 10)
    last = tried(Ending.REJECTED, Fault.SENDER, "spare")
    one = ruling(last, before, others=("main",))
    assert chosen(one) == (Choice.HELD, Reason.ALL_REFUSED, None)
    assert chosen(ruling(last, others=())) == (Choice.HELD, Reason.ALL_REFUSED, None)


def test_an_unreached_route_is_left_at_once() -> None:
    one = ruling(tried(Ending.UNREACHED, Fault.NETWORK))
    assert chosen(one) == (Choice.FAIL_OVER, Reason.ROUTE_UNREACHED, "spare")


@pytest.mark.parametrize(("others", "down"), [((), ()), (("spare",), ("spare",))])
def test_an_unreached_route_is_waited_for_when_there_is_no_other(
    others: tuple[str, ...], down: tuple[str, ...]
) -> None:
    one = ruling(tried(Ending.UNREACHED, Fault.NETWORK), others=others, down=down)
    assert chosen(one) == (Choice.WAIT, Reason.NO_OTHER_ROUTE, None)


def test_an_unreached_route_is_waited_for_when_the_other_refused_this_mail() -> None:
    refused = tried(Ending.REJECTED, Fault.SENDER, "spare", 60)
    one = ruling(tried(Ending.UNREACHED, Fault.NETWORK), refused)
    assert chosen(one) == (Choice.WAIT, Reason.NO_OTHER_ROUTE, None)


def test_two_dead_routes_do_not_toss_a_mail_to_and_fro() -> None:
    last = tried(Ending.UNREACHED, Fault.NETWORK, "spare")
    just_now = tried(Ending.UNREACHED, Fault.NETWORK, "main", 1)
    a_while_ago = tried(Ending.UNREACHED, Fault.NETWORK, "main", 5)
    assert ruling(last, just_now, others=("main",)).choice is Choice.WAIT
    assert ruling(last, a_while_ago, others=("main",)).choice is Choice.FAIL_OVER


def test_greylisting_is_waited_for_by_the_same_route() -> None:
    one = ruling(tried(Ending.DEFERRED))
    assert chosen(one) == (Choice.WAIT, Reason.ASKED_TO_WAIT, None)


def test_after_the_second_deferral_another_route_may_take_it() -> None:
    last, before = tried(Ending.DEFERRED), tried(Ending.DEFERRED, minutes_ago=5)
    assert chosen(ruling(last, before)) == (Choice.FAIL_OVER, Reason.STILL_DEFERRED, "spare")
    assert ruling(last, before, down=("spare",)).choice is Choice.WAIT
    elsewhere = tried(Ending.DEFERRED, route="spare", minutes_ago=5)
    assert ruling(last, elsewhere).reason is Reason.ASKED_TO_WAIT


def test_a_full_mailbox_is_as_full_by_every_route() -> None:
    before = [tried(Ending.DEFERRED, Fault.SEED, minutes_ago=m) for m in (35, 15, 5)]
    assert ruling(tried(Ending.DEFERRED, Fault.SEED), *before).reason is Reason.ASKED_TO_WAIT


@pytest.mark.parametrize("ending", [Ending.DEFERRED, Ending.UNREACHED, Ending.REJECTED])
def test_a_life_that_is_over_is_held(ending: Ending) -> None:
    one = ruling(tried(ending, Fault.SENDER), expires_at=NOW)
    assert chosen(one) == (Choice.HELD, Reason.LIFE_OVER, None)
    assert one == life_over()


def test_what_was_taken_at_the_very_end_is_taken() -> None:
    assert ruling(tried(Ending.ACCEPTED), expires_at=NOW).choice is Choice.ACCEPTED
    assert ruling(tried(Ending.IN_DOUBT), expires_at=NOW).choice is Choice.IN_DOUBT


def test_a_mail_of_a_dead_route_need_not_find_out_by_itself() -> None:
    one = instead("main", ["spare", "third"], {"spare"})
    assert one is not None
    assert chosen(one) == (Choice.FAIL_OVER, Reason.ROUTE_UNREACHED, "third")
    assert instead("main", ["spare"], {"spare"}) is None


tries = st.builds(
    tried,
    st.sampled_from(Ending),
    st.sampled_from(Fault),
    st.sampled_from(["main", "spare", "third"]),
    st.floats(0, 10_000),
)


@given(tries, st.lists(tries, max_size=6), st.sets(st.sampled_from(["main", "spare", "third"])))
def test_no_mail_goes_again_by_a_route_that_refused_it_nor_after_doubt(
    last: Tried, before: list[Tried], down: set[str]
) -> None:
    others = [route for route in ("main", "spare", "third") if route != last.route]
    one = decide(last, before, others=others, down=down, expires_at=LATER)
    assert one.sentence.endswith(".")
    assert (one.route is not None) == (one.choice is Choice.FAIL_OVER)
    if one.route:
        assert one.route in others
        assert one.later or one.route not in down
        refused = {t.route for t in before if t.ending is Ending.REJECTED}
        assert one.route not in refused
    if last.ending in {Ending.ACCEPTED, Ending.IN_DOUBT}:
        assert one.choice in {Choice.ACCEPTED, Choice.IN_DOUBT}
    else:
        assert one.choice not in {Choice.ACCEPTED, Choice.IN_DOUBT}


def test_each_reason_has_a_case() -> None:
    endings = [tried(e, f) for e, f in product(Ending, Fault)]
    again = (tried(Ending.DEFERRED, minutes_ago=9),)
    seen = {
        ruling(last, *before, others=others, expires_at=end).reason
        for last, before, others, end in product(
            endings, [(), again], [(), ("spare",)], [NOW, LATER]
        )
    }
    assert seen == set(Reason)
