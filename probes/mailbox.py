"""One seed's mailbox, read by IMAP: where each probe is, without ever touching it.

All new mail of a folder costs one FETCH of its headers, and what matches costs one FETCH of the
messages, however many probes are open: matching happens on this side, by the signed token. Servers'
own searches are not relied upon; Yahoo's finds nothing by a custom header.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from probes.account import Account
from probes.cursor import behind, grew, may_hold_news, still_valid
from probes.folder_reader import FolderReader, OpenFolder, placement
from probes.folders import Folders, resolve
from probes.imap_errors import (
    CommandRefused,
    LoginRefused,
    MailboxError,
    ProtocolTrouble,
    Unreachable,
)
from probes.imap_session import Examined, Session
from probes.observation import Cursor, FolderRole, Location, Placement, Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

__all__ = [
    "Account",
    "Cursor",
    "LoginRefused",
    "Look",
    "Mailbox",
    "MailboxError",
    "ProtocolTrouble",
    "Unreachable",
]

RECENT = timedelta(days=3)
"""How far the first look into a folder goes back; IMAP's SINCE knows days only."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one complete look found.

    `strangers` counts new messages without a valid token in the folders looked at; `forged` those
    with a token that is wrongly signed or in a message to somebody else. `cursors` are to be
    stored together with the sightings. `commands` is the number of IMAP commands that it took.
    """

    at: datetime
    sightings: tuple[Sighting, ...]
    strangers: int
    forged: int
    cursors: Mapping[str, Cursor]
    commands: int


class Mailbox:
    """Reads one account; used by one thread, except for `interrupt`.

    Every method raises MailboxError for what the server does or fails to do, and whatever the
    login's `access_token` raises; then close it, and open it again later. `cursors` tell how far
    each folder was read before: what a look found must be stored with the cursors that it returns,
    else the same Mailbox does not find it again.
    """

    def __init__(
        self,
        account: Account,
        *,
        key: bytes,
        cursors: Mapping[str, Cursor] | None = None,
        raw_cap: int = 2_000_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account, self._key, self._raw_cap, self._now = account, key, raw_cap, now
        self._cursors = dict(cursors or {})
        self._open: _Open | None = None
        self._inbox: Examined | None = None

    @property
    def folders(self) -> Mapping[str, FolderRole]:
        """Every folder that can be read, and what it is; empty unless open."""
        return self._open.folders.roles if self._open else {}

    @property
    def resolved_by(self) -> str:
        """How the spam folders were recognised, in words; empty unless open."""
        return str(self._open.folders.resolved_by) if self._open else ""

    def open(self) -> None:
        """Connect, log in, find the folders; raises LoginRefused or another MailboxError."""
        self.close()
        kind = self._account.kind
        session = Session(self._account.endpoint)
        try:
            session.log_in(self._account.login)
            if kind.needs_id:
                session.introduce()
            folders = resolve(session.folders(), kind.spam_names)
        except BaseException:
            session.close()
            raise
        reader = FolderReader(session, self._account, self._key, self._raw_cap)
        self._open = _Open(session, folders, reader, *socket.socketpair())

    def look(self, *, everywhere: bool = False) -> Look:
        """Read what is new in inbox and spam, or `everywhere`; complete, or it raises.

        A probe found in several folders is reported once, from the inbox or spam if it is there.
        """
        here, at = self._opened(), self._now()
        before = here.session.commands
        here.session.noop()
        found: list[Sighting] = []
        cursors: dict[str, Cursor] = {}
        strangers = forged = 0
        for name in here.folders.watched(everywhere=everywhere):
            if (examined := self._examined(here, name)) is None:
                continue
            if name == "INBOX":
                self._inbox = examined
            folder, uids = here.folder(name, examined), self._new(here, name, examined)
            mail = here.reader.sort(folder, uids)
            found += here.reader.sightings(folder, mail, at)
            strangers, forged = strangers + mail.strangers, forged + mail.forged
            cursors[name] = behind(self._cursors.get(name), examined, uids)
        self._cursors |= cursors
        commands = here.session.commands - before
        return Look(at, _one_each(found), strangers, forged, dict(self._cursors), commands)

    def wait(self, timeout_s: float) -> bool:
        """Wait for new mail in the inbox; True when something happened, False after `timeout_s`.

        Uses IDLE where it is offered and reliable, else sleeps. May end earlier than asked for.
        """
        here = self._opened()
        try:
            if not (self._account.kind.idle and here.session.offers("IDLE")):
                select.select([here.wake], [], [], timeout_s)
                return False
            # IDLE tells only what comes after EXAMINE: what came between look and EXAMINE is here
            if grew(self._inbox, here.session.examine("INBOX")):
                return True
            return here.session.idle(timeout_s, here.wake)
        finally:
            here.forget_interrupts()

    def locate(
        self, probe: str, location: Location
    ) -> tuple[Placement, str | None, Location] | None:
        """Where a sighted probe is now: placement, tab, location; None when it is in no folder.

        A probe that was moved is searched for in every folder, in the mail of the last days.
        """
        here = self._opened()
        here.session.noop()
        if (folder := self._still_there(here, location)) is not None:
            return _placed(here, folder, location)
        for name in reversed(here.folders.watched(everywhere=True)):
            if (examined := self._examined(here, name)) is not None:
                folder = here.folder(name, examined)
                mail = here.reader.sort(folder, here.session.uids_since(self._recent()))
                for uid, match in mail.matches.items():
                    if match.probe == probe:
                        return _placed(here, folder, Location(name, examined.uidvalidity, uid))
        return None

    def prove_spam_readable(self) -> str:
        """Open every spam folder; the sentence says what was read. Raises when there is none.

        Only a server of no known provider may do without one: all its folders are read.
        """
        here = self._opened()
        spam = [name for name, role in here.folders.roles.items() if role is FolderRole.SPAM]
        if not spam and self._account.kind.spam_names:
            raise ProtocolTrouble(
                f"{here.session.where} shows no spam folder, so nobody could tell spam from lost. "
                f"{self._account.kind.advice}"
            )
        if not spam:
            return f"No spam folder is known; all {len(here.folders.roles)} folders are read."
        read = [f"{name} ({here.session.examine(name).exists} messages)" for name in spam]
        return f"Spam can be read: {', '.join(read)}; found by {here.folders.resolved_by}."

    def interrupt(self) -> None:
        """End the wait under way, or else the next one; may be called from any thread."""
        if (here := self._open) is not None:
            with suppress(OSError):
                here.waker.send(b"!")

    def close(self) -> None:
        """Drop the connection; `open` makes a new one."""
        here, self._open = self._open, None
        if here is not None:
            here.close()

    def _opened(self) -> _Open:
        if self._open is None:
            raise Unreachable(f"The mailbox {self._account.seed} is not open.")
        return self._open

    def _examined(self, here: _Open, name: str) -> Examined | None:
        """The folder opened for reading; None for one besides inbox and spam that is refused.

        Exchange lists calendars and contacts, which it then will not open.
        """
        try:
            return here.session.examine(name)
        except CommandRefused:
            if here.folders.roles[name] is FolderRole.OTHER:
                return None
            raise

    def _new(self, here: _Open, name: str, examined: Examined) -> list[int]:
        """The UIDs not read before; without a valid cursor, those of the last days."""
        cursor = still_valid(self._cursors.get(name), examined)
        if cursor is None:
            return here.session.uids_since(self._recent())
        return here.session.uids_from(cursor.next_uid) if may_hold_news(cursor, examined) else []

    def _recent(self) -> date:
        return (self._now() - RECENT).date()

    def _still_there(self, here: _Open, location: Location) -> OpenFolder | None:
        if location.folder not in here.folders.roles:
            return None
        examined = self._examined(here, location.folder)
        if examined is None or examined.uidvalidity != location.uidvalidity:
            return None
        there = here.session.fetch([location.uid], "")
        return here.folder(location.folder, examined) if there else None


@dataclass(frozen=True, slots=True)
class _Open:
    """What exists while the mailbox is open; `wake` becomes readable by an interrupt."""

    session: Session
    folders: Folders
    reader: FolderReader
    wake: socket.socket
    waker: socket.socket

    def folder(self, name: str, examined: Examined) -> OpenFolder:
        role, copies = self.folders.roles[name], name in self.folders.holding_copies
        return OpenFolder(name, role, examined.uidvalidity, copies)

    def forget_interrupts(self) -> None:
        with suppress(OSError):
            while self.wake.recv(64, socket.MSG_DONTWAIT):
                pass

    def close(self) -> None:
        self.session.close()
        self.wake.close()
        self.waker.close()


def _placed(
    here: _Open, folder: OpenFolder, location: Location
) -> tuple[Placement, str | None, Location]:
    tabs = here.reader.tabs(folder, [location.uid]).get(location.uid, ())
    return placement(folder.role, tabs), tabs[0] if tabs else None, location


def _one_each(found: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """The best sighting of each probe: another folder may show a copy, or the old place."""
    rank = {Placement.OTHER: 0, Placement.SPAM: 1}
    ordered = sorted(found, key=lambda sighting: rank.get(sighting.placement, 2))
    return tuple({sighting.probe: sighting for sighting in ordered}.values())
