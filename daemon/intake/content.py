"""Collects the content of one DATA command, line by no line: in pieces as they come.

It ends at CRLF.CRLF and nowhere else (RFC 5321 section 4.1.1.4): who ends it at other dots can be
made to take a part of one message for another. What is large waits on the disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from daemon.intake import replies
from daemon.intake.replies import Refused

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

END = b"\r\n.\r\n"
DOT = END[:3]
"""A line that begins with a dot: the end, or one dot too many (RFC 5321 section 4.5.2)."""
MOST_IN_MEMORY = 1024 * 1024
LEAST_IN_MEMORY = 64 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(slots=True)
class Room:
    """What unfinished messages of all connections may occupy, and how many there are."""

    memory: int
    disk: int
    folder: Path | None = None
    unfinished: int = 0
    held: int = 0

    @property
    def share(self) -> int:
        """The bytes of one message that stay in memory."""
        fair = self.memory // max(1, self.unfinished)
        return max(LEAST_IN_MEMORY, min(MOST_IN_MEMORY, fair))


class Content:
    """The content of one message; close it, as a context manager does."""

    def __init__(self, limit: int, room: Room) -> None:
        self._limit, self._room = limit, room
        room.unfinished += 1
        folder = None if room.folder is None else str(room.folder)
        self._file = SpooledTemporaryFile(room.share, dir=folder)  # noqa: SIM115 - closed on exit
        self._tail = END[:2]  # a dot that comes first stands at the beginning of a line
        self._dots = False
        self._kept = 0
        self._problem: replies.Reply | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _t: TracebackType | None,
    ) -> None:
        self._drop()
        self._file.close()
        self._room.unfinished -= 1

    @property
    def size(self) -> int:
        """Bytes that are kept, dots not yet taken out."""
        return self._kept

    def add(self, piece: bytes) -> bytes | None:
        """Take a piece; once the content is complete, what was sent behind it, else None."""
        window = self._tail + piece
        at = window.find(DOT)
        while at >= 0:
            if window.startswith(END, at):
                self._keep(window[: at + 2])
                return window[at + len(END) :]
            self._dots = True
            at = window.find(DOT, at + len(DOT))
        self._tail = window[1 - len(END) :]
        self._keep(window[: 1 - len(END)])
        return None

    def read(self) -> bytes:
        """The whole, with CRLF line ends only and without dot-stuffing. Raises Refused."""
        if self._problem:
            raise Refused(self._problem)
        self._file.seek(0)
        stuffed = self._file.read()
        return _plain(stuffed.replace(DOT, DOT[:2]) if self._dots else stuffed)[2:]

    def _keep(self, piece: bytes) -> None:
        if self._problem:
            return
        self._kept += len(piece)
        self._room.held += len(piece)
        if self._kept - 2 > self._limit:
            self._give_up(replies.TOO_BIG)
        elif self._room.held > self._room.disk:
            self._give_up(replies.NO_ROOM)
        else:
            self._write(piece)

    def _write(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError:  # the disk is full
            self._give_up(replies.NO_ROOM)

    def _give_up(self, problem: replies.Reply) -> None:
        """Read on, for the client listens only at the end; keep nothing."""
        self._problem = problem
        self._drop()

    def _drop(self) -> None:
        self._room.held -= self._kept
        self._kept = 0
        self._file.truncate(0)


def _plain(content: bytes) -> bytes:
    """`content` with every bare CR or LF as CRLF. Raises Refused when there is a NUL.

    Where servers disagree on what ends a line, a part of a message becomes a message.
    """
    if b"\0" in content:
        raise Refused(replies.HAS_NUL)
    lines = b"".join(content.split(b"\r\n"))
    bare = b"\r" in lines or b"\n" in lines
    return _LINE_END.sub(b"\r\n", content) if bare else content
