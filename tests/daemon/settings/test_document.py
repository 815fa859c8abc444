from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.settings.document import MAX_BYTES, read
from daemon.settings.problems import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, content: bytes) -> Path:
    path = folder / "settings.yaml"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        read(path)
    return str(refused.value).removeprefix(f"{path}:")


def test_values_keep_their_place(tmp_path: Path) -> None:
    document = read(write(tmp_path, b"a: 1\nb:\n  - c: true\n    d: 1.5\n  - ~\n"))
    assert document.data == {"a": 1, "b": [{"c": True, "d": 1.5}, None]}
    assert document.places[("b", 0, "d")] == (4, 5)
    assert document.places[("b", 1)] == (5, 5)
    assert document.problems == []


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_quotes_make_text_of_every_surprise(tmp_path: Path) -> None:
    document = read(write(tmp_path, b'["no", "1:30", "010", "2026-11-22", "~"]'))
    assert document.data == ["no", "1:30", "010", "2026-11-22", "~"]


@pytest.mark.parametrize(
    "surprise",
    [
        "no",
        "Off",
        "y: no",
        "1:30",
        "1:30.5",
        "010",
        "0x1F",
        "1_000",
        "2026-11-22",
        ".inf",
        "=",
        "<<",
    ],
)
def test_a_plain_surprise_is_refused(tmp_path: Path, surprise: str) -> None:
    assert len(read(write(tmp_path, f"- {surprise}\n".encode())).problems) == 1


def test_the_first_of_two_equal_keys_stands_until_it_is_settled(tmp_path: Path) -> None:
    document = read(write(tmp_path, b"a: 1\na: 2\na: 3\n"))
    assert document.data == {"a": 1}
    assert [problem.line for problem in document.problems] == [2, 3]


def test_a_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    sentences = [p.sentence for p in read(write(tmp_path, b"1: a\n? [x]\n: b\n")).problems]
    assert sentences == ["a key must be text; put quotes around it"] * 2


def test_a_missing_file_is_told_with_the_way_to_make_one(tmp_path: Path) -> None:
    said = refusal(tmp_path / "none.yaml")
    assert said == "1:1: there is no such file; `receiptwatch init` writes one"


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "1:1: cannot be read: Is a directory"


def test_other_encodings_are_told_with_the_byte(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, b"a: caf\xe9\n")) == (
        "1:1: is not UTF-8 text (byte 7); save it as UTF-8"
    )


def test_a_control_character_is_not_yaml(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, b"a: \0\n")).startswith("1:1: is not YAML: ")


def test_a_huge_file_is_not_even_parsed(tmp_path: Path) -> None:
    said = refusal(write(tmp_path, b"#" * (MAX_BYTES + 1)))
    assert said == "1:1: is larger than 1,000,000 bytes; is it the settings file?"


def test_deep_nesting_ends_early(tmp_path: Path) -> None:
    assert "nested too deeply" in refusal(write(tmp_path, b"[" * 100_000))


def test_a_huge_number_is_refused_like_any_odd_one(tmp_path: Path) -> None:
    assert len(read(write(tmp_path, b"- " + b"9" * 10_000)).problems) == 1
