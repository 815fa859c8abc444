"""Whether each mailbox is being read, and how far: with the sightings, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.ledger import mailboxes, probes
from daemon.ledger.states import MailboxState
from daemon.lifecycles.probe import ProbeState
from probes.observation import Cursor
from tests.daemon.ledger.samples import HOUR, MINUTE, NOON, plant, sighting

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger import Ledger

SEED = "gmail-1"
FOLDERS = ("INBOX", "[Gmail]/Spam")


async def look(conn: AsyncConnection, at: datetime, seed: str = SEED, **cursors: Cursor) -> None:
    await mailboxes.looked(conn, seed, at, cursors, FOLDERS, idle=True)


async def fail(conn: AsyncConnection, at: datetime, *, refused: bool = True) -> None:
    await mailboxes.failed(conn, SEED, at, "no", at + MINUTE, login_refused=refused)


async def load(conn: AsyncConnection) -> mailboxes.MailboxRow:
    row = await mailboxes.load(conn, SEED)
    assert row is not None
    return row


async def test_a_mailbox_is_unknown_before_its_first_look(ledger: Ledger) -> None:
    async with ledger.read() as conn:
        assert await mailboxes.load(conn, SEED) is None
        assert await mailboxes.all(conn) == []
        assert await mailboxes.cursors(conn, SEED) == {}


async def test_a_complete_look_is_remembered(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await look(conn, NOON)
        await look(conn, NOON + MINUTE)
        row = await load(conn)
    assert (row.state, row.since, row.last_look_at) == (MailboxState.OK, NOON, NOON + MINUTE)
    assert (row.idle, row.folders) == (True, FOLDERS)


async def test_cursors_move_on_by_folder_and_survive_a_new_uidvalidity(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await look(conn, NOON, INBOX=Cursor(7, 10), Junk=Cursor(1, 4_294_967_295))
        await look(conn, NOON, INBOX=Cursor(8, 2))
        await look(conn, NOON, seed="other", INBOX=Cursor(1, 1))
        found = await mailboxes.cursors(conn, SEED)
    assert found == {"INBOX": Cursor(8, 2), "Junk": Cursor(1, 4_294_967_295)}


async def test_failures_are_counted_and_dated_from_the_first(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await look(conn, NOON)
        for minutes in (1, 2):
            await fail(conn, NOON + minutes * MINUTE)
        row = await load(conn)
    assert (row.state, row.since) == (MailboxState.FAILING, NOON + MINUTE)
    assert (row.failed_logins, row.last_error) == (2, "no")
    assert (row.next_try_at, row.last_look_at) == (NOON + 3 * MINUTE, NOON)
    assert row.folders == FOLDERS


async def test_only_a_refused_login_counts_as_one(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await fail(conn, NOON)
        await fail(conn, NOON, refused=False)
        assert (await load(conn)).failed_logins == 1


async def test_a_look_that_succeeds_clears_the_slate(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await fail(conn, NOON)
        await look(conn, NOON + HOUR)
        row = await load(conn)
    assert (row.state, row.since, row.failed_logins) == (MailboxState.OK, NOON + HOUR, 0)
    assert (row.last_error, row.next_try_at) == (None, None)


async def test_a_stopped_mailbox_remembers_which_login_was_refused(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await fail(conn, NOON)
        await mailboxes.stop(conn, SEED, NOON + MINUTE, "refused twice", "f00d")
        row = await load(conn)
    assert (row.state, row.since) == (MailboxState.STOPPED, NOON + MINUTE)
    assert (row.credential_fingerprint, row.next_try_at) == ("f00d", None)
    assert (row.failed_logins, row.last_error) == (1, "refused twice")


async def test_a_resumed_mailbox_starts_afresh_but_keeps_what_was_read(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await look(conn, NOON, INBOX=Cursor(7, 10))
        await mailboxes.stop(conn, SEED, NOON, "refused", "f00d")
        await mailboxes.resume(conn, SEED, NOON + HOUR)
        row, cursors = await load(conn), await mailboxes.cursors(conn, SEED)
    assert (row.state, row.failed_logins) == (MailboxState.OK, 0)
    assert (row.credential_fingerprint, row.last_look_at) == (None, NOON)
    assert cursors == {"INBOX": Cursor(7, 10)}


async def test_all_mailboxes_come_by_name(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        for seed in ("yahoo-1", "gmail-1"):
            await look(conn, NOON, seed=seed)
        assert [row.seed for row in await mailboxes.all(conn)] == ["gmail-1", "yahoo-1"]


async def test_a_look_that_dies_before_its_commit_is_read_again(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        probe = await plant(conn, ProbeState.SUBMITTED)
        await look(conn, NOON, INBOX=Cursor(7, 42))

    async def die() -> None:
        async with ledger.write() as conn:
            await probes.mark_sighted(conn, sighting(probe), latency_s=None, next_look_at=None)
            await look(conn, NOON + MINUTE, INBOX=Cursor(7, 43))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await die()
    async with ledger.read() as conn:
        assert await mailboxes.cursors(conn, SEED) == {"INBOX": Cursor(7, 42)}
        row = await probes.get(conn, probe)
    assert row is not None
    assert row.state is ProbeState.SUBMITTED
