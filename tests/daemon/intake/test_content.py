"""The content of DATA: where it ends, what is taken out of it, where it waits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.intake import replies
from daemon.intake.content import MOST_IN_MEMORY, Content, Room
from daemon.intake.replies import Refused

if TYPE_CHECKING:
    from pathlib import Path

MB = 1024 * 1024
PIECES = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"bc"]))


def room(memory: int = 64 * MB, disk: int = 1024 * MB) -> Room:
    return Room(memory, disk)


def collect(sent: bytes, size: int, limit: int = MB) -> tuple[bytes, bytes]:
    """What is read, and what is left, of `sent` in pieces of `size` bytes."""
    with Content(limit, room()) as content:
        for start in range(0, len(sent), size):
            rest = content.add(sent[start : start + size])
            if rest is not None:
                return content.read(), rest + sent[start + size :]
    raise AssertionError("it did not end")


def stuffed(text: bytes) -> bytes:
    lines = text.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)


@given(PIECES, st.integers(1, 9), st.binary())
def test_what_was_stuffed_comes_out_wherever_it_is_cut(
    letters: list[bytes], size: int, behind: bytes
) -> None:
    text = b"".join(letters) + b"\r\n"
    plain = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert collect(stuffed(text) + b".\r\n" + behind, size) == (plain, behind)


def test_nothing_is_a_content_too() -> None:
    assert collect(b".\r\nQUIT\r\n", 100) == (b"", b"QUIT\r\n")


SMUGGLED = [b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"]


@pytest.mark.parametrize("ending", SMUGGLED)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_it_ends_at_crlf_dot_crlf_and_nowhere_else(ending: bytes, size: int) -> None:
    read, rest = collect(b"one" + ending + b"two\r\n.\r\nthree", size)
    assert b"two" in read
    assert rest == b"three"
    assert b"\r" not in read.replace(b"\r\n", b"")
    assert b"\n" not in read.replace(b"\r\n", b"")


def test_a_nul_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        collect(b"a\0b\r\n.\r\n", 100)
    assert refusal.value.reply is replies.HAS_NUL


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_limit_is_exact_and_the_end_is_found_behind_it(size: int) -> None:
    assert collect(b"x" * 98 + b"\r\n.\r\n", size, limit=100)[0] == b"x" * 98 + b"\r\n"
    with pytest.raises(Refused) as refusal:
        collect(b"x" * 99 + b"\r\n.\r\n", size, limit=100)
    assert refusal.value.reply is replies.TOO_BIG


def test_what_is_large_lies_on_the_disk(tmp_path: Path) -> None:
    ours = Room(64 * MB, 1024 * MB, tmp_path)
    line = b"x" + os.urandom(3 * MB).translate(None, b"\0\r\n")
    with Content(25 * MB, ours) as content:
        content.add(line)
        assert content._file._rolled  # type: ignore[attr-defined]
        assert content.add(b"\r\n.\r\n") == b""
        assert content.read() == line + b"\r\n"
    assert not any(tmp_path.iterdir())


def test_what_is_too_big_occupies_nothing_while_the_rest_of_it_comes() -> None:
    ours = room()
    with Content(2 * MB, ours) as content:
        content.add(b"x" * MB)
        assert ours.held > 0
        assert content._file.seek(0, os.SEEK_END) > 0
        content.add(b"x" * 3 * MB)
        assert (ours.held, content._file.seek(0, os.SEEK_END)) == (0, 0)
        content.add(b"x" * 3 * MB)
        assert (ours.held, content._file.seek(0, os.SEEK_END)) == (0, 0)


def test_less_of_each_lies_in_memory_when_there_are_many() -> None:
    ours = room(memory=4 * MB)
    assert ours.share == MOST_IN_MEMORY
    many = [Content(MB, ours) for _ in range(16)]
    assert ours.share == 4 * MB // 16
    for content in many:
        content.__exit__(None, None, None)
    assert (ours.unfinished, ours.held) == (0, 0)


def test_together_they_fill_no_more_of_the_disk_than_is_allowed() -> None:
    ours = room(disk=1_000)
    with Content(MB, ours) as first, Content(MB, ours) as second:
        first.add(b"x" * 900)
        second.add(b"x" * 200)
        assert second.add(b"\r\n.\r\n") == b""
        with pytest.raises(Refused) as refusal:
            second.read()
        assert first.add(b"\r\n.\r\n") == b""
        assert len(first.read()) == 902
    assert refusal.value.reply is replies.NO_ROOM
    assert ours.held == 0


def test_a_full_disk_refuses_the_message_and_not_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_piece: bytes) -> int:
        raise OSError(28, "No space left on device")

    with Content(MB, room()) as content:
        monkeypatch.setattr(content._file, "write", full)
        assert content.add(b"x\r\n.\r\nQUIT\r\n") == b"QUIT\r\n"
        with pytest.raises(Refused) as refusal:
            content.read()
    assert refusal.value.reply is replies.NO_ROOM
