"""A mailbox of which every new message is wanted, as it stands: the one that bounces go to.

It is read as a seed's is: opened for reading only, each folder from where the last reading ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.cursor import behind
from probes.mailbox import Mailbox
from probes.observation import FolderRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from probes.account import Account
    from probes.imap_session import Fetched, Session
    from probes.observation import Cursor

LARGEST = 2_000_000
"""Octets fetched of one message; of a bounce that is the report and what it returns."""
MOST_AT_ONCE = 100
OCTETS_AT_ONCE = 8_000_000


@dataclass(frozen=True, slots=True)
class Post:
    """One message; `raw` is CRLF-exact, and cut after `LARGEST` octets."""

    folder: str
    uid: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Collected:
    """New messages, the oldest of each folder first; `whole` when there are no more just now.

    `cursors` are to be stored as soon as all of the messages are, and not before.
    """

    at: datetime
    post: tuple[Post, ...]
    cursors: Mapping[str, Cursor]
    whole: bool


class Postbox(Mailbox):
    """Reads inbox and spam of one account; used by one thread, except for `interrupt`.

    Raises MailboxError as Mailbox does; its wait is Mailbox's too.
    """

    def __init__(
        self, account: Account, *, cursors: Mapping[str, Cursor], now: Callable[[], datetime]
    ) -> None:
        super().__init__(account, key=b"", cursors=cursors, now=now)

    def collect(self) -> Collected:
        """What is new, at most 100 messages of a folder; again the same, until `stored` is told."""
        here, at = self._opened(), self._now()
        here.session.noop()
        post: list[Post] = []
        cursors: dict[str, Cursor] = {}
        whole = True
        for name in here.folders.watched(everywhere=False):
            if here.folders.roles[name] is FolderRole.OTHER:
                continue
            examined = here.session.examine(name)
            if name == "INBOX":
                self._inbox = examined
            uids = self._new(here, name, examined)
            some = _affordable(here.session, uids[:MOST_AT_ONCE])
            found = _fetched(here.session, some)
            post += [Post(name, m.uid, m.octets[:LARGEST]) for m in found if m.octets]
            cursors[name] = behind(self._cursors.get(name), examined, some)
            whole = whole and len(some) == len(uids)
        return Collected(at, tuple(post), cursors, whole)

    def stored(self, collected: Collected) -> None:
        """All of it is durable: the next reading goes on behind it."""
        self._cursors |= collected.cursors


def _affordable(session: Session, uids: Sequence[int]) -> Sequence[int]:
    """The first of them, as many as may be in memory at once; one at least."""
    sizes = {message.uid: message.size for message in session.fetch(uids, "")} if uids else {}
    octets = 0
    for number, uid in enumerate(uids):
        octets += min(sizes.get(uid, 0), LARGEST)
        if octets > OCTETS_AT_ONCE and number:
            return uids[:number]
    return uids


def _fetched(session: Session, uids: Sequence[int]) -> Iterable[Fetched]:
    return session.fetch(uids, f"BODY.PEEK[]<0.{LARGEST}>") if uids else ()
