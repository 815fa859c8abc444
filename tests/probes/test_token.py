from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probes.token import ALPHABET, candidates, grouped, mint, new_id, verify

KEY = b"k" * 32
SEED = "Seed.One@Mail.Test"

ids = st.text(ALPHABET, min_size=12, max_size=12)
keys = st.binary(min_size=16, max_size=64)
addresses = st.from_regex(r"[a-z]{1,12}@[a-z]{1,12}\.test", fullmatch=True)


def test_a_new_id_is_twelve_letters_of_the_alphabet_and_never_the_same() -> None:
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(len(probe) == 12 and set(probe) <= set(ALPHABET) for probe in made)


@given(keys, ids, addresses)
def test_what_was_minted_verifies(key: bytes, probe: str, recipient: str) -> None:
    token = mint(key, probe, recipient)
    assert len(token) == 24
    assert verify(key, token, recipient) == probe


@given(ids, st.integers(0, 23), st.characters())
def test_any_single_changed_character_is_refused(probe: str, at: int, letter: str) -> None:
    token = mint(KEY, probe, SEED)
    alias = {"O": "0", "o": "0", "I": "1", "i": "1", "L": "1", "l": "1"}
    assume(alias.get(letter, letter.upper() if letter.isascii() else letter) != token[at])
    assert verify(KEY, token[:at] + letter + token[at + 1 :], SEED) is None


@given(ids, addresses, addresses)
def test_a_token_carried_to_another_recipient_is_refused(probe: str, one: str, two: str) -> None:
    assume(one != two)
    assert verify(KEY, mint(KEY, probe, one), two) is None


@given(ids, keys)
def test_a_token_of_another_key_is_refused(probe: str, key: bytes) -> None:
    assume(key != KEY)
    assert verify(KEY, mint(key, probe, SEED), SEED) is None


@given(ids)
def test_case_look_alikes_and_dashes_do_not_matter(probe: str) -> None:
    token = mint(KEY, probe, SEED)
    spoken = grouped(token).lower().replace("0", "o").replace("1", "l")
    assert verify(KEY, spoken, SEED.upper()) == probe


@pytest.mark.parametrize("word", ["", "-", "4K7M2Q", "U" * 24, "A" * 23, "A" * 25, "é" * 24])
def test_a_word_of_another_shape_is_refused(word: str) -> None:
    assert verify(KEY, word, SEED) is None


@pytest.mark.parametrize(("letter", "looks_like"), [("S", "ſ"), ("K", "\u212a"), ("1", "¹")])
def test_letters_of_other_scripts_are_no_look_alikes(letter: str, looks_like: str) -> None:
    token = mint(KEY, letter * 12, SEED)
    assert verify(KEY, looks_like + token[1:], SEED) is None


def test_a_short_key_and_a_false_id_are_errors_of_the_caller() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        mint(b"short", "0" * 12, SEED)
    for wrong in ("", "0" * 11, "o" * 12, "U" * 12, "00000000000-0"):
        with pytest.raises(ValueError, match="not a probe id"):
            mint(KEY, wrong, SEED)


@given(st.text(max_size=60), ids, st.text(max_size=60))
def test_a_token_is_found_wherever_it_stands_alone(before: str, probe: str, after: str) -> None:
    token = mint(KEY, probe, SEED)
    text = f"{before} <{grouped(token)}@shop.test> {after}"
    assert token in candidates(text)


@pytest.mark.parametrize(
    "form", ["#{}.", "(NO-{})", "\u2066{}\u2069", "<bdi>{}</bdi>", "شماره {}،", "={}="]
)
def test_a_token_is_found_in_the_forms_receipts_use(form: str) -> None:
    token = mint(KEY, "4K7M2QZZZZZZ", SEED)
    for written in (token, token.lower(), grouped(token)):
        assert list(candidates(form.format(written))) == [token]


def test_longer_words_and_other_letters_are_no_candidates() -> None:
    assert not list(candidates(f"{'A' * 25} {'U' * 24} {'A' * 23} AAAAAA--{'A' * 18}"))


def test_only_the_first_million_characters_are_searched() -> None:
    token = mint(KEY, new_id(), SEED)
    assert list(candidates(" " * 999_000 + token)) == [token]
    assert not list(candidates(" " * 1_000_000 + token))


def test_repeats_count_once_and_the_limit_holds() -> None:
    words = [mint(KEY, new_id(), SEED) for _ in range(30)]
    assert list(candidates(" ".join(words + words))) == words[:20]
    assert list(candidates(" ".join([words[0]] * 50 + [words[1]]))) == words[:2]


@pytest.mark.parametrize("piece", ["A", "A-", "-", "A" * 24 + "A-", " A", "é"])
def test_a_hostile_text_is_searched_within_a_second(piece: str) -> None:
    text = piece * (4_000_000 // len(piece))
    started = time.monotonic()
    assert len(list(candidates(text))) <= 20
    assert time.monotonic() - started < 1
