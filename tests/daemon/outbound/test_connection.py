from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from daemon.demo.pki import Authority
from daemon.outbound.connection import Connection, Terms
from probes.endpoint import Endpoint, Password, Tls
from probes.smtp_session import Transaction, Withdrawn
from probes.smtp_transaction import Station
from probes.submission import Outcome, Stage, Submission
from tests.probes.smtp_script import DROP, SILENCE, ScriptedSmtp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = b"From: orders@shop.test\r\nTo: ada@mail.test\r\nSubject: Order\r\n\r\nHello\r\n.\r\n..x\r\n"
PIPELINING = ("PIPELINING", "8BITMIME", "SIZE 1000000", "SMTPUTF8")


class OneByOne(dict[str, Any]):
    """Replies by verb; of a list each is given once, and then the usual one."""

    def get(self, verb: str, usual: Any = None) -> Any:
        reply = super().get(verb, usual)
        if isinstance(reply, list):
            return reply.pop(0) if reply else usual
        return reply


def scripted(replies: dict[str, Any] | None = None, **named: Any) -> ScriptedSmtp:
    return ScriptedSmtp(OneByOne(replies or {}), **{"offers": PIPELINING, **named})


def terms(server: ScriptedSmtp, **changes: Any) -> Terms:
    endpoint = Endpoint("localhost", server.port, Tls.NONE, timeout_s=5)
    usual: dict[str, Any] = {"endpoint": endpoint, "login": None, "final_s": 5.0}
    return Terms(**{**usual, "helo": "out.shop.test", "now": lambda: NOW, **changes})


def mail(text: bytes = TEXT, **changes: Any) -> Transaction:
    return Transaction(
        **{"sender": "b@shop.test", "recipient": "ada@mail.test", "data": text, **changes}
    )


async def yes() -> bool:
    return True


async def sent(
    connection: Connection,
    one: Transaction | None = None,
    before_dot: Callable[[], Awaitable[bool]] = yes,
) -> Submission:
    return await connection.send(one or mail(), before_dot)


def undone(wire: bytes) -> bytes:
    """The message without dot-stuffing and final dot."""
    assert wire.endswith(b"\r\n.\r\n")
    lines = wire.removesuffix(b".\r\n").split(b"\r\n")
    return b"\r\n".join(line.removeprefix(b".") for line in lines)


@pytest.mark.parametrize("offers", [PIPELINING, ("8BITMIME",)])
async def test_many_messages_take_one_connection(offers: tuple[str, ...]) -> None:
    async with scripted(offers=offers) as server:
        connection = Connection(terms(server))
        for _ in range(5):
            submission = await sent(connection)
            assert (submission.outcome, submission.queue_id) == (Outcome.ACCEPTED, "4XyZ12abcD")
        await connection.close()
    verbs = [command.split(" ")[0] for command in server.commands]
    assert verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 5, "QUIT"]
    assert [undone(wire) for wire in server.received] == [TEXT] * 5


async def test_where_it_is_offered_the_envelope_is_one_write() -> None:
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.test\r\n")
        await reader.readline()
        writer.write(b"250-relay.test\r\n250 PIPELINING\r\n")
        came.append(await reader.read(65_536))
        writer.write(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 ok\r\n")
        await reader.readline()
        writer.close()
        await writer.wait_closed()
        over.set()

    over = asyncio.Event()
    reached: list[Station] = []
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], Tls.NONE, timeout_s=5)
        how = Terms(endpoint, None, "out.shop.test", lambda: NOW, reached=reached.append)
        connection = Connection(how)
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        await connection.close()
        await over.wait()
    assert came == [b"MAIL FROM:<b@shop.test>\r\nRCPT TO:<ada@mail.test>\r\nDATA\r\n"]
    assert reached == list(Station)


def any_message(chance: random.Random) -> bytes:
    """Lines of dots, NULs, 8-bit bytes and others; the last one may be unfinished."""
    letters = [*b"..\0\t x\xff", 0xC3, 0xBC]
    lines = [bytes(chance.choices(letters, k=chance.randrange(6))) for _ in range(6)]
    return b"X: y\r\n\r\n" + b"\r\n".join(lines)


async def test_the_bytes_on_the_wire_are_those_given() -> None:
    chance = random.Random(7)
    texts = [any_message(chance) for _ in range(150)]
    async with scripted() as server:
        connection = Connection(terms(server, most_messages=1_000))
        for text in texts:
            assert (await sent(connection, mail(text))).outcome is Outcome.ACCEPTED
        connection.drop()
    whole = [text if text.endswith(b"\r\n") else text + b"\r\n" for text in texts]
    assert [undone(wire) for wire in server.received] == whole


async def test_a_line_of_any_length_and_a_large_message_go_through() -> None:
    text = b"X: y\r\n\r\n" + b"<p>" * 1_000_000 + b"\r\n"
    async with scripted() as server:
        connection = Connection(terms(server))
        assert (await sent(connection, mail(text))).outcome is Outcome.ACCEPTED
        connection.drop()
    assert undone(server.received[0]) == text


async def test_parameters_go_to_servers_that_know_them() -> None:
    text = TEXT + "ü\r\n".encode()
    one = mail(text, sender="ü@shop.test", recipient="jö@mail.test", smtputf8=True)
    async with scripted() as server:
        connection = Connection(terms(server))
        await sent(connection, one)
        await sent(connection)
        connection.drop()
    size = len(text)
    shown = [c.encode("latin-1").decode() for c in server.commands]
    assert f"MAIL FROM:<ü@shop.test> SIZE={size} BODY=8BITMIME SMTPUTF8" in shown
    assert "RCPT TO:<jö@mail.test>" in shown
    assert f"MAIL FROM:<b@shop.test> SIZE={len(TEXT)}" in shown


async def test_eight_bits_go_unchanged_to_a_server_that_offers_nothing() -> None:
    text = TEXT + "ü\r\n".encode()
    async with scripted(offers=()) as server:
        connection = Connection(terms(server))
        assert (await sent(connection, mail(text, smtputf8=True))).outcome is Outcome.ACCEPTED
        connection.drop()
    assert "MAIL FROM:<b@shop.test>" in server.commands
    assert undone(server.received[0]) == text


async def test_an_address_in_another_script_is_refused_where_it_could_not_be_said() -> None:
    async with scripted(offers=()) as server:
        connection = Connection(terms(server))
        result = await sent(connection, mail(recipient="jö@mail.test", smtputf8=True))
        assert (result.outcome, result.code, result.enhanced) == (Outcome.REJECTED, 553, "5.6.7")
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert not any("mail.test" in c and "j" in c for c in server.commands)


@pytest.mark.parametrize("sender", ["", "a+b@x.test", "b/c=d@x.test"])
async def test_the_envelope_is_that_of_the_record(sender: str) -> None:
    async with scripted(offers=()) as server:
        connection = Connection(terms(server))
        await sent(connection, mail(sender=sender, recipient="o'x{y}@mail.test"))
        connection.drop()
    assert server.commands[1:3] == [f"MAIL FROM:<{sender}>", "RCPT TO:<o'x{y}@mail.test>"]


@pytest.mark.parametrize(
    "address", ["a@b.test>\r\nRCPT TO:<c@d.test", "a b@c.test", "a@b\0.test", "<a@b.test>", "a\n@b"]
)
def test_an_address_that_could_leave_its_brackets_is_no_transaction(address: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in an SMTP command"):
        mail(recipient=address)
    with pytest.raises(ValueError, match="cannot stand in an SMTP command"):
        mail(sender=address)


@pytest.mark.parametrize(
    "text", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\nMAIL\r\n", b"\n.\r\n", b"a\r"]
)
def test_what_could_smuggle_is_no_transaction(text: bytes) -> None:
    with pytest.raises(ValueError, match="bare CR or LF"):
        mail(text)


async def test_nothing_but_the_dot_waits_for_the_record() -> None:
    order: list[str] = []

    async def record() -> bool:
        order.append(f"asked after {server.commands[-1]}")
        await asyncio.sleep(0.05)
        order.append(f"recorded, {len(server.received)} received")
        return True

    async with scripted() as server:
        connection = Connection(terms(server))
        await sent(connection, before_dot=record)
        connection.drop()
    assert order == ["asked after DATA", "recorded, 0 received"]
    assert len(server.received) == 1


async def test_without_the_record_there_is_no_dot_and_no_connection() -> None:
    async def no() -> bool:
        return False

    async with scripted() as server:
        connection = Connection(terms(server))
        with pytest.raises(Withdrawn):
            await sent(connection, before_dot=no)
        assert not connection.kept
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert len(server.received) == 1


async def test_a_record_that_fails_ends_it_before_the_dot() -> None:
    async def fails() -> bool:
        raise LookupError("the ledger is away")

    async with scripted() as server:
        connection = Connection(terms(server))
        with pytest.raises(LookupError):
            await sent(connection, before_dot=fails)
        connection.drop()
    assert server.received == []


async def test_nobody_is_asked_for_a_message_that_is_refused_before() -> None:
    async def must_not() -> bool:
        raise AssertionError

    for verb in ("MAIL", "RCPT", "DATA"):
        async with scripted({verb: "550 5.7.1 no"}) as server:
            connection = Connection(terms(server))
            result = await sent(connection, before_dot=must_not)
            connection.drop()
        assert (result.outcome, result.stage) == (Outcome.REJECTED, Stage(verb.lower()))


@pytest.mark.parametrize("offers", [PIPELINING, ()])
async def test_a_refused_recipient_leaves_the_connection_to_the_next_mail(
    offers: tuple[str, ...],
) -> None:
    replies = {"RCPT": ["550 5.1.1 no such user"], "DATA": ["503 5.5.1 no recipients"]}
    if not offers:
        del replies["DATA"]
    async with scripted({**replies, "RSET": "250 ok"}, offers=offers) as server:
        connection = Connection(terms(server))
        refused = await sent(connection)
        assert (refused.outcome, refused.stage, refused.code) == (
            Outcome.REJECTED,
            Stage.RCPT,
            550,
        )
        assert connection.kept
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert server.commands.count("EHLO out.shop.test") == 1
    assert "RSET" in server.commands
    assert len(server.received) == 1


async def test_a_server_that_waits_for_a_message_nobody_sends_is_left() -> None:
    async with scripted({"RCPT": ["550 5.1.1 no such user"]}) as server:
        connection = Connection(terms(server))
        assert (await sent(connection)).code == 550
        assert not connection.kept
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert server.commands.count("EHLO out.shop.test") == 2
    assert [undone(wire) for wire in server.received] == [TEXT]


@pytest.mark.parametrize("offers", [PIPELINING, ()])
@pytest.mark.parametrize("reply", [DROP, "421 4.3.2 too many", "421 4.4.2 idle"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_kept_connection_that_the_server_left_is_no_failure(
    offers: tuple[str, ...], reply: str, verb: str
) -> None:
    usual = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on"}[verb]
    async with scripted({verb: [usual, reply]}, offers=offers) as server:
        connection = Connection(terms(server))
        for _ in range(2):
            assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert server.commands.count("EHLO out.shop.test") == 2
    assert len(server.received) == 2


async def test_a_connection_closed_while_it_rested_is_noticed_first() -> None:
    async with scripted() as server:
        connection = Connection(terms(server))
        await sent(connection)
        await server.hang_up("421 4.4.2 idle too long")
        async with asyncio.timeout(5):
            while connection.kept:
                await asyncio.sleep(0.01)
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert server.commands.count("EHLO out.shop.test") == 2


@pytest.mark.parametrize(("verb", "stage"), [("BANNER", Stage.CONNECT), ("MAIL", Stage.MAIL)])
async def test_421_on_a_new_connection_is_an_answer(verb: str, stage: Stage) -> None:
    async with scripted({verb: "421 4.3.2 busy"}) as server:
        connection = Connection(terms(server))
        result = await sent(connection)
        assert (result.outcome, result.stage, result.code) == (Outcome.DEFERRED, stage, 421)
        assert not connection.kept
        connection.drop()


@pytest.mark.parametrize("reply", [DROP, SILENCE, "garbage", "354 still here"])
@pytest.mark.parametrize("earlier", [0, 1])
async def test_no_answer_to_the_dot_is_doubt_and_never_sent_again(reply: str, earlier: int) -> None:
    accepted = ["250 2.0.0 ok"] * earlier
    async with scripted({".": [*accepted, reply]}) as server:
        connection = Connection(terms(server, final_s=0.3))
        for _ in range(earlier):
            await sent(connection)
        result = await sent(connection)
        assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.DATA)
        assert result.in_doubt
        assert not connection.kept
    assert len(server.received) == earlier + 1


async def after_a_while() -> bool:
    await asyncio.sleep(0.05)
    return True


async def test_a_server_that_refuses_before_the_end_is_believed_and_gets_no_dot() -> None:
    async with scripted({"DATA": "354 go on\n552 5.3.4 too much"}) as server:
        connection = Connection(terms(server))
        result = await sent(connection, mail(TEXT + b"x" * 2_000_000 + b"\r\n"), after_a_while)
        assert (result.outcome, result.code) == (Outcome.REJECTED, 552)
        assert not result.in_doubt
        assert not connection.kept
    assert server.received == []


async def test_a_connection_serves_so_many_messages_and_no_more() -> None:
    async with scripted() as server:
        connection = Connection(terms(server, most_messages=2))
        for _ in range(5):
            assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()
    assert server.commands.count("EHLO out.shop.test") == 3
    assert server.commands.count("QUIT") == 2


async def test_an_idle_connection_says_goodbye() -> None:
    async with scripted() as server:
        connection = Connection(terms(server, idle_s=0.05))
        await sent(connection)
        async with asyncio.timeout(5):
            while "QUIT" not in server.commands:
                await asyncio.sleep(0.01)
        assert not connection.kept


async def test_whoever_is_cancelled_leaves_no_connection() -> None:
    async with scripted({".": [SILENCE]}) as server:
        connection = Connection(terms(server))
        task = asyncio.create_task(sent(connection))
        async with asyncio.timeout(5):
            while not server.received:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not connection.kept
        assert (await sent(connection)).outcome is Outcome.ACCEPTED
        connection.drop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_a_kept_connection_is_protected_and_logged_in_once(
    authority: Authority, tls: Tls
) -> None:
    server = scripted(
        tls=authority.server_context("localhost"),
        implicit=tls is Tls.IMPLICIT,
        offers=(*PIPELINING, "AUTH PLAIN"),
    )
    async with server:
        endpoint = Endpoint("localhost", server.port, tls, authority.ca_file, timeout_s=5)
        connection = Connection(terms(server, endpoint=endpoint, login=Password("u", "p")))
        for _ in range(3):
            result = await sent(connection)
            assert result.outcome is Outcome.ACCEPTED
            assert result.tls is not None
        await connection.close()
    assert sum(command.startswith("AUTH") for command in server.commands) == 1
    assert [undone(wire) for wire in server.received] == [TEXT] * 3


async def test_another_authoritys_certificate_ends_it_before_the_mail(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    async with scripted(tls=authority.server_context("localhost")) as server:
        endpoint = Endpoint("localhost", server.port, Tls.STARTTLS, other.ca_file, timeout_s=5)
        result = await sent(Connection(terms(server, endpoint=endpoint)))
    assert (result.outcome, result.stage) == (Outcome.FAILED, Stage.TLS)
    assert not any(command.startswith("MAIL") for command in server.commands)
