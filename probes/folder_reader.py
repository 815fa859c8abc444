"""Reads the folder that a session has open: which of its messages are probes, and what they say.

Headers come first, many at a time; whole messages only for what matched. Everything fetched is
capped on the wire and once more here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes import matching
from probes.letter import Letter, TooHostile, read_letter
from probes.matching import Forged, Match
from probes.observation import FolderRole, Location, Placement, Sighting
from probes.received import received_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from probes.account import Account
    from probes.imap_session import Fetched, Session

HEADERS_AT_ONCE = 500
"""Messages whose headers one FETCH asks for; its command line stays under 8,000 octets."""
RAW_AT_ONCE = 8_000_000
"""Octets of messages that one FETCH asks for, so that a flood of probes fits into memory."""
BODIES_AT_ONCE = 20
"""Unmatched new messages, the newest, whose body is searched in one look at a folder."""

_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(matching.FIELDS)})]<0.{matching.HEADER_CAP}>"
_BODY = f"BODY.PEEK[]<0.{matching.BODY_CAP}>"
_PLACEMENT = {
    FolderRole.INBOX: Placement.INBOX,
    FolderRole.SPAM: Placement.SPAM,
    FolderRole.OTHER: Placement.OTHER,
}


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """The folder that is open now; `copies` says that it shows other folders' mail once more."""

    name: str
    role: FolderRole
    uidvalidity: int
    copies: bool


@dataclass(slots=True)
class Sorted:
    """The messages of a folder by UID: probes with their sizes, and the others."""

    sizes: dict[int, int] = field(default_factory=dict)
    matches: dict[int, Match] = field(default_factory=dict)
    unmatched: dict[int, Letter] = field(default_factory=dict)
    forged: int = 0
    hostile: int = 0

    @property
    def strangers(self) -> int:
        """Messages that carry no valid token; what is forged is counted apart."""
        return len(self.unmatched) + self.hostile


class FolderReader:
    """Reads an account's open folder; raises MailboxError as the session does."""

    def __init__(self, session: Session, account: Account, key: bytes, raw_cap: int) -> None:
        self._session, self._account, self._key = session, account, key
        self._raw_cap = raw_cap

    def sort(self, folder: OpenFolder, uids: Sequence[int]) -> Sorted:
        """Match the messages by their headers, then the newest unmatched by their bodies."""
        found = Sorted()
        for some in _chunks(uids, HEADERS_AT_ONCE):
            for message in self._session.fetch(some, _HEADERS, labels=self._labels_tell(folder)):
                # what Gmail's All Mail shows of the inbox has been read in the inbox
                if not (folder.copies and "\\Inbox" in message.labels):
                    self._sort_one(found, message)
        self._search_bodies(found)
        return found

    def sightings(self, folder: OpenFolder, found: Sorted, at: datetime) -> list[Sighting]:
        """Fetch every matched message, as far as the cap, and say where it is."""
        tabs = self.tabs(folder, list(found.matches))
        return [
            self._sighting(folder, found.matches[message.uid], message, tabs, at)
            for some in self._affordable(found)
            for message in self._session.fetch(some, f"BODY.PEEK[]<0.{self._raw_cap}>")
        ]

    def tabs(self, folder: OpenFolder, uids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Gmail's categories of messages in the inbox: one search each, however many messages."""
        names = self._account.kind.categories
        if not (uids and names and folder.role is FolderRole.INBOX and self._is_gmail):
            return {}
        filed = {name: set(self._session.in_category(name, uids)) for name in names}
        return {uid: tuple(name for name in names if uid in filed[name]) for uid in uids}

    @property
    def _is_gmail(self) -> bool:
        return self._session.offers("X-GM-EXT-1")

    def _labels_tell(self, folder: OpenFolder) -> bool:
        return folder.copies and self._is_gmail

    def _sort_one(self, found: Sorted, message: Fetched) -> None:
        try:
            letter = read_letter(message.octets[: matching.HEADER_CAP])
        except TooHostile:
            found.hostile += 1
            return
        found.sizes[message.uid] = message.size
        match matching.in_headers(letter, self._key, self._account.address):
            case Match() as matched:
                found.matches[message.uid] = matched
            case Forged():
                found.forged += 1
            case None:
                found.unmatched[message.uid] = letter

    def _search_bodies(self, found: Sorted) -> None:
        newest = sorted(found.unmatched)[-BODIES_AT_ONCE:]
        for message in self._session.fetch(newest, _BODY) if newest else ():
            letter = found.unmatched[message.uid]
            matched = matching.in_body(message.octets, letter, self._key, self._account.address)
            if matched:
                found.matches[message.uid] = matched
                del found.unmatched[message.uid]

    def _affordable(self, found: Sorted) -> Iterator[list[int]]:
        """The matched UIDs in lots that fit into memory."""
        some: list[int] = []
        octets = 0
        for uid in sorted(found.matches):
            size = min(found.sizes[uid], self._raw_cap)
            if some and octets + size > RAW_AT_ONCE:
                yield some
                some, octets = [], 0
            some.append(uid)
            octets += size
        if some:
            yield some

    def _sighting(
        self,
        folder: OpenFolder,
        match: Match,
        message: Fetched,
        tabs: Mapping[int, tuple[str, ...]],
        at: datetime,
    ) -> Sighting:
        raw = message.octets[: self._raw_cap]
        filed = tabs.get(message.uid, ())
        letter = _letter(raw)
        return Sighting(
            probe=match.probe,
            seed=self._account.seed,
            matched_by=match.by,
            placement=placement(folder.role, filed),
            location=Location(folder.name, folder.uidvalidity, message.uid),
            internal_date=message.internal_date or at,
            seen_at=at,
            raw=raw,
            size=max(message.size, len(raw)),
            tab=filed[0] if filed else None,
            received_at=received_at(letter, self._account.trusted_hosts) if letter else None,
            truncated=len(raw) == self._raw_cap < message.size,
            explanation=(*_also_filed(filed), *self._explained(letter, folder.role)),
        )

    def _explained(self, letter: Letter | None, role: FolderRole) -> tuple[str, ...]:
        if letter is None:
            return ("Its header is beyond all measure and was not read.",)
        topmost = {field.name: field.value for field in reversed(letter.fields)}
        return self._account.kind.explain(topmost, role)


def placement(role: FolderRole, tabs: Sequence[str]) -> Placement:
    """Where a message in such a folder is; a tab is a part of the inbox."""
    return Placement.TAB if tabs else _PLACEMENT[role]


def _also_filed(tabs: Sequence[str]) -> tuple[str, ...]:
    return (f"Gmail also files it under {', '.join(tabs[1:])}.",) if len(tabs) > 1 else ()


def _letter(raw: bytes) -> Letter | None:
    try:
        return read_letter(raw)
    except TooHostile:
        return None


def _chunks(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), size):
        yield uids[start : start + size]
