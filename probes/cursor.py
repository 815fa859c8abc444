"""How far a folder has been read, and what is to be read next; pure.

A UID is never given twice while the folder's UIDVALIDITY stays the same, and later mail has a
higher one (RFC 3501, 2.3.1.1). When it changes, every UID that was remembered is worthless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.observation import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.imap_session import Examined


def still_valid(cursor: Cursor | None, examined: Examined) -> Cursor | None:
    """The cursor, or None when there is none or the folder's UIDVALIDITY changed."""
    return cursor if cursor and cursor.uidvalidity == examined.uidvalidity else None


def may_hold_news(cursor: Cursor | None, examined: Examined) -> bool:
    """Whether the folder could hold mail that was not read; UIDNEXT saves a search when not."""
    valid = still_valid(cursor, examined)
    return valid is None or examined.uidnext is None or examined.uidnext > valid.next_uid


def grew(before: Examined | None, now: Examined) -> bool:
    """Whether mail came into the folder since it was examined before; None counts as long ago.

    Not asked of the cursor: a message that came and vanished again leaves UIDNEXT ahead of it.
    """
    if before is None or now.uidvalidity != before.uidvalidity:
        return True
    return now.uidnext != before.uidnext or now.exists > before.exists


def behind(cursor: Cursor | None, examined: Examined, uids: Sequence[int]) -> Cursor:
    """The cursor after `uids` (ascending) were read.

    It stands behind the last message seen, not at UIDNEXT: a stale search may not show yet what
    UIDNEXT already counts.
    """
    valid = still_valid(cursor, examined)
    unread = valid.next_uid if valid else examined.uidnext or 1
    return Cursor(examined.uidvalidity, uids[-1] + 1 if uids else unread)
