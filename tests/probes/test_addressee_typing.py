"""Typing errors are found, and no real domain is ever called one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.address import AddressError, check_address
from probes.addressee import suggest
from probes.addressee.typing_errors import WELL_KNOWN
from probes.addressee.well_known import GIANTS, NEIGHBOURS, SQUATS
from tests.probes.typing_samples import LESSER_KNOWN, RIGHT, right, wrong

MX_ANSWERS = (True, False, None)


def recalled(has_mx: bool | None) -> float:  # noqa: FBT001 - what DNS said
    pairs = wrong()
    return sum(suggest(typed, has_mx) == meant for typed, meant in pairs) / len(pairs)


def test_the_samples_are_many_and_each_stands_once() -> None:
    typed = [typed for typed, _ in wrong()]
    assert min(len(set(typed)), len(set(right()))) >= 150
    assert (len(typed), len(right())) == (len(set(typed)), len(set(right())))


def test_nearly_every_slip_is_understood_where_no_mail_is_taken() -> None:
    missed = {typed for typed, meant in wrong() if suggest(typed, has_mx=False) != meant}
    assert missed == {"hitmial.com"}


def test_what_is_certain_is_understood_without_dns_and_squats_although_they_take_mail() -> None:
    assert recalled(has_mx=None) >= 0.65
    assert recalled(has_mx=True) >= 0.3


@pytest.mark.parametrize("has_mx", MX_ANSWERS)
def test_what_is_suggested_for_a_slip_is_what_was_meant(has_mx: bool | None) -> None:  # noqa: FBT001 - as above
    other = [(t, meant, suggest(t, has_mx)) for t, meant in wrong() if suggest(t, has_mx) != meant]
    assert [slip for slip in other if slip[2] is not None] == []


@pytest.mark.parametrize("has_mx", [True, None])
def test_no_right_domain_is_called_wrong(has_mx: bool | None) -> None:  # noqa: FBT001 - as above
    assert {domain: suggest(domain, has_mx) for domain in right() if suggest(domain, has_mx)} == {}


@pytest.mark.parametrize("domain", [*RIGHT.split(), *WELL_KNOWN, *NEIGHBOURS])
def test_a_known_domain_stays_whatever_dns_says_and_in_any_case(domain: str) -> None:
    assert [suggest(domain, has_mx) for has_mx in MX_ANSWERS] == [None] * 3
    assert suggest(domain.upper(), has_mx=False) is None


def test_few_real_domains_would_be_doubted_even_if_they_took_no_mail() -> None:
    doubted = [domain for domain in LESSER_KNOWN.split() if suggest(domain, has_mx=False)]
    assert len(doubted) <= 8


@pytest.mark.parametrize("domain", ["gmail.co", "gmail.fr", "gmail.hu", "hotmail.co", "tmail.com"])
def test_an_ending_that_exists_is_doubted_only_where_no_mail_is_taken(domain: str) -> None:
    assert suggest(domain, has_mx=True) is None
    assert suggest(domain, has_mx=None) is None


@pytest.mark.parametrize("domain", ["gmial.com", "gmail.com.com", "hotmial.com", "iclould.com"])
def test_a_squat_is_named_although_it_takes_mail(domain: str) -> None:
    assert suggest(domain, has_mx=True) is not None


def test_no_squat_is_a_known_domain_and_each_is_a_slip_or_two_from_what_was_meant() -> None:
    assert not set(SQUATS) & {*WELL_KNOWN, *NEIGHBOURS}
    assert set(SQUATS.values()) <= set(GIANTS)


def test_a_name_that_takes_mail_is_believed_even_under_an_ending_unheard_of() -> None:
    assert suggest("gmail.con", has_mx=True) is None


@pytest.mark.parametrize("domain", ["unbox.com", "tutmail.com", "hotmail.fe", "gmx.x"])
def test_of_two_that_may_be_meant_none_is_suggested(domain: str) -> None:
    assert suggest(domain, has_mx=False) is None


@pytest.mark.parametrize("domain", ["outlook.test", "gmail.example", "gmx.local", "mail", "a.b.c"])
def test_names_written_on_purpose_or_unlike_any_are_left_alone(domain: str) -> None:
    assert suggest(domain, has_mx=False) is None


@given(st.text(max_size=80), st.sampled_from(MX_ANSWERS))
def test_whatever_is_typed_only_well_known_domains_are_suggested(
    text: str,
    has_mx: bool | None,  # noqa: FBT001 - as above
) -> None:
    assert suggest(text, has_mx) in {None, *WELL_KNOWN, *NEIGHBOURS}


@given(st.sampled_from(WELL_KNOWN), st.integers(0, 30), st.sampled_from("abcxyz.-1 ,@"))
def test_one_slip_in_a_known_domain_never_makes_it_something_that_cannot_be_written_to(
    domain: str, place: int, key: str
) -> None:
    meant = suggest(domain[:place] + key + domain[place + 1 :], has_mx=False)
    try:
        assert meant is None or check_address(f"x@{meant}")
    except AddressError:
        pytest.fail(f"{meant} was suggested")


def test_an_endless_name_is_not_looked_at() -> None:
    assert suggest("gmail.com" * 100_000, has_mx=False) is None
