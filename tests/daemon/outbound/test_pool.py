from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.smtp import SMTP

from daemon.outbound.pool import Pool
from probes.submission import Outcome
from tests.daemon.outbound.test_connection import mail, scripted, terms, yes
from tests.probes.smtp_script import SILENCE, ScriptedSmtp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiosmtpd.smtp import Envelope, Session


async def test_never_more_connections_than_allowed_and_each_is_used_again() -> None:
    most = open_ = 0

    class Counting(ScriptedSmtp):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal most, open_
            open_ += 1
            most = max(most, open_)
            try:
                await super()._serve(reader, writer)
            finally:
                open_ -= 1

    async with Counting(offers=("PIPELINING",)) as server:
        pool = Pool(terms(server), 3)
        results = await asyncio.gather(*(pool.send(mail(), yes) for _ in range(40)))
        await pool.close()
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert most == 3
    assert len(server.received) == 40
    assert server.commands.count("QUIT") == 3


async def test_whoever_is_cancelled_gives_his_place_back() -> None:
    async with scripted({".": [SILENCE]}) as server:
        pool = Pool(terms(server), 1)
        stuck = asyncio.create_task(pool.send(mail(), yes))
        async with asyncio.timeout(5):
            while not server.received:
                await asyncio.sleep(0.01)
        waiting = asyncio.create_task(pool.send(mail(), yes))
        await asyncio.sleep(0)
        stuck.cancel()
        assert (await waiting).outcome is Outcome.ACCEPTED
        with pytest.raises(asyncio.CancelledError):
            await stuck
        await pool.close()


@dataclass
class Postmaster:
    """Keeps what comes, by a real SMTP server."""

    texts: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.texts.append(envelope.content)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 2.0.0 Ok: queued as 7F00DCAFE"


@asynccontextmanager
async def aiosmtpd(handler: Postmaster) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def protocol() -> SMTP:
        made.append(SMTP(handler, hostname="mx.test", enable_SMTPUTF8=True))
        return made[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        for one in made:
            if one.transport:
                one.transport.close()


async def test_a_real_server_gets_every_message_once_and_unchanged() -> None:
    postmaster = Postmaster()
    texts = [b"Subject: %d\r\n\r\n.\r\n..\r\n\xc3\xbc\r\n" % number for number in range(30)]
    async with aiosmtpd(postmaster) as port, scripted() as unused:
        unused.port = port
        pool = Pool(terms(unused), 4)
        results = await asyncio.gather(*(pool.send(mail(text), yes) for text in texts))
        await pool.close()
    assert {(one.outcome, one.queue_id) for one in results} == {(Outcome.ACCEPTED, "7F00DCAFE")}
    assert sorted(postmaster.texts) == sorted(texts)
    assert postmaster.recipients == [["ada@mail.test"]] * 30
