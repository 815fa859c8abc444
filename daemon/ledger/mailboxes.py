"""What is known of each seed's mailbox: whether it is being read, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, RowMapping, case, select

from daemon.ledger import schema
from daemon.ledger.conflict import insert
from daemon.ledger.states import MailboxState
from probes.observation import Cursor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_mailboxes = schema.mailboxes
_cursors = schema.cursors


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A seed's mailbox.

    `since` is when `state` began; `last_look_at` the end of the last complete look;
    `credential_fingerprint` tells whether the login changed since it was refused; `folders` are
    the names that were read.
    """

    seed: str
    state: MailboxState
    since: datetime
    last_error: str | None
    failed_logins: int
    credential_fingerprint: str | None
    next_try_at: datetime | None
    last_look_at: datetime | None
    idle: bool
    folders: tuple[str, ...]


async def load(conn: AsyncConnection, seed: str) -> MailboxRow | None:
    """The seed's mailbox, or None before its first look."""
    rows = await conn.execute(select(_mailboxes).where(_mailboxes.c.seed == seed))
    return next((_mailbox(row) for row in rows.mappings()), None)


async def all(conn: AsyncConnection) -> list[MailboxRow]:  # noqa: A001 - read as `mailboxes.all`
    """Every mailbox, by seed."""
    rows = await conn.execute(select(_mailboxes).order_by(_mailboxes.c.seed))
    return [_mailbox(row) for row in rows.mappings()]


async def cursors(conn: AsyncConnection, seed: str) -> dict[str, Cursor]:
    """How far each folder of the seed was read."""
    rows = await conn.execute(select(_cursors).where(_cursors.c.seed == seed))
    return {row.folder: Cursor(row.uidvalidity, row.next_uid) for row in rows}


async def looked(
    conn: AsyncConnection,
    seed: str,
    at: datetime,
    cursors: Mapping[str, Cursor],
    folders: Sequence[str],
    idle: bool,  # noqa: FBT001 - named at every call
) -> None:
    """Record a complete look that ended at `at`.

    Call it in the transaction that stores the look's sightings: whoever dies before the commit
    reads again, and nothing is skipped.
    """
    found = {"last_look_at": at, "idle": idle, "folders": list(folders)}
    await _put(conn, seed, MailboxState.OK, at, **_healthy(), **found)
    for folder, cursor in cursors.items():
        await _store_cursor(conn, seed, folder, cursor)


async def failed(
    conn: AsyncConnection,
    seed: str,
    at: datetime,
    error: str,
    next_try_at: datetime,
    login_refused: bool,  # noqa: FBT001 - named at every call
) -> None:
    """Record a look that failed; a refused login is counted until a look succeeds."""
    refused = {"failed_logins": 1} if login_refused else {}
    facts = {"last_error": error, "next_try_at": next_try_at, **refused}
    await _put(conn, seed, MailboxState.FAILING, at, **facts)


async def stop(
    conn: AsyncConnection, seed: str, at: datetime, error: str, credential_fingerprint: str
) -> None:
    """Record that the mailbox is left alone until its credential is another one.

    A provider locks an account after a few wrong passwords more.
    """
    facts = {"last_error": error, "credential_fingerprint": credential_fingerprint}
    await _put(conn, seed, MailboxState.STOPPED, at, next_try_at=None, **facts)


async def resume(conn: AsyncConnection, seed: str, at: datetime) -> None:
    """Record that a stopped mailbox is to be tried again, from a clean slate."""
    await _put(conn, seed, MailboxState.OK, at, **_healthy())


def _healthy() -> dict[str, Any]:
    slate = {"last_error": None, "next_try_at": None, "credential_fingerprint": None}
    return {**slate, "failed_logins": 0}


_UNSEEN = {"failed_logins": 0, "idle": False, "folders": []}


async def _put(
    conn: AsyncConnection, seed: str, state: MailboxState, at: datetime, **facts: object
) -> None:
    """Insert or update; what `facts` does not name stays, and `since` while the state stays."""
    new = insert(conn, _mailboxes).values(
        **{"seed": seed, "state": state, "since": at, **_UNSEEN, **facts}
    )
    same = _mailboxes.c.state == new.excluded.state
    changes: dict[str, ColumnElement[Any]] = {
        name: new.excluded[name] for name in ("state", *facts)
    }
    changes["since"] = case((same, _mailboxes.c.since), else_=new.excluded.since)
    if state is MailboxState.FAILING:
        changes["failed_logins"] = _mailboxes.c.failed_logins + new.excluded.failed_logins
    await conn.execute(new.on_conflict_do_update(index_elements=["seed"], set_=changes))


async def _store_cursor(conn: AsyncConnection, seed: str, folder: str, cursor: Cursor) -> None:
    place = {"uidvalidity": cursor.uidvalidity, "next_uid": cursor.next_uid}
    await conn.execute(
        insert(conn, _cursors)
        .values(seed=seed, folder=folder, **place)
        .on_conflict_do_update(index_elements=["seed", "folder"], set_=place)
    )


def _mailbox(row: RowMapping) -> MailboxRow:
    return MailboxRow(**{**row, "folders": tuple(row["folders"])})
