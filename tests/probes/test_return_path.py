from __future__ import annotations

import pytest

from probes.address import check_address
from probes.return_path import is_ours, opened, signed

KEY = b"k" * 32
BASE = "bounces@shop.example"
IDS = ["7K2M9QX4T0BC", "ZQ1AKRM1VRM4", "0" * 12, "Z" * 12]


@pytest.mark.parametrize("attempt", IDS)
def test_a_return_path_names_its_attempt(attempt: str) -> None:
    path = signed(BASE, KEY, attempt)
    assert opened(path, KEY) == attempt
    assert path.startswith("bounces+")
    assert path.endswith("@shop.example")
    assert path == path.lower() == check_address(path)


@pytest.mark.parametrize("attempt", IDS)
def test_it_is_read_in_either_case(attempt: str) -> None:
    path = signed("Bounces@Shop.Example", KEY, attempt)
    assert opened(path.upper(), KEY) == opened(path.title(), KEY) == attempt
    assert opened(signed(BASE, KEY, attempt), KEY) == attempt


@pytest.mark.parametrize("attempt", IDS)
def test_whoever_changes_a_letter_is_not_believed(attempt: str) -> None:
    path = signed(BASE, KEY, attempt)
    first, last = path.index("+") + 1, path.index("@")
    for at in range(first, last):
        other = "1" if path[at] == "0" else "0"
        assert opened(path[:at] + other + path[at + 1 :], KEY) is None, at


def test_another_key_or_another_shops_base_does_not_open_it() -> None:
    path = signed(BASE, KEY, IDS[0])
    assert opened(path, b"l" * 32) is None
    assert opened(path.replace("shop.example", "other.example"), KEY) is None
    assert opened(path.replace("bounces+", "returns+"), KEY) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "bounces@shop.example",
        "bounces+@shop.example",
        "+" + "0" * 24 + "@shop.example",
        "bounces+" + "0" * 24,
        "bounces+" + "0" * 24 + "@",
        "bounces+" + "0" * 23 + "@shop.example",
        "bounces+" + "0" * 25 + "@shop.example",
        "bounces+" + "u" * 24 + "@shop.example",
        "bounces+" + "ſ" * 24 + "@shop.example",
        "bounces+" + "z" * 38 + "@shop.example",
        "bounces+" + "0" * 24 + "@" + "x" * 400,
        "bounces+" + "0" * 24 + "\n@shop.example",
    ],
)
def test_what_has_no_such_shape_opens_nothing(address: str) -> None:
    assert opened(address, KEY) is None


def test_our_own_are_known_by_shape_however_they_are_signed() -> None:
    path = signed(BASE, KEY, IDS[1])
    forged = path[:-14] + "0" + path[-13:]
    assert is_ours(path, [BASE])
    assert is_ours(forged.upper(), ["other@shop.example", "Bounces@Shop.Example"])
    assert not is_ours(path, ["other@shop.example"])
    assert not is_ours(BASE, [BASE])
    assert not is_ours("bounces+news@shop.example", [BASE])


def test_a_base_that_already_has_a_detail_keeps_it() -> None:
    path = signed("mail+bounces@shop.example", KEY, IDS[0])
    assert path.startswith("mail+bounces+")
    assert opened(path, KEY) == IDS[0]


def test_what_cannot_be_signed_is_said() -> None:
    assert len(signed("b" * 39 + "@x.test", KEY, IDS[1]).partition("@")[0]) == 64
    with pytest.raises(ValueError, match="too long for a signed return path"):
        signed("b" * 40 + "@x.test", KEY, IDS[1])
    with pytest.raises(ValueError, match="at least 16 bytes"):
        signed(BASE, b"short", IDS[0])
    for wrong in ("", "no id", IDS[0].lower() + "0", "u" * 12):
        with pytest.raises(ValueError, match="not the id"):
            signed(BASE, KEY, wrong)
