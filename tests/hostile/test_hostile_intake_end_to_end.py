"""Hostile mail from the first socket to the last: what the next server gets of it.

The running service takes it in, reads it and sends it on; a server that keeps every byte is the
next one. README.md says where the rows of hostile inputs 1 to 33 are tested.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from daemon.cli import app
from daemon.ledger import messages
from tests.hostile.hostile_orders import READABLE, UNREADABLE
from tests.hostile.next_hop import NextHop, next_hop
from tests.hostile.test_hostile_bounces import MESSAGES as BOUNCES
from tests.hostile.test_hostile_smtp import ENDINGS
from tests.stories.clients import talk
from tests.stories.front_door import HERE, SENDER, STRANGER, House, open_house
from tests.stories.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.ledger.messages import MessageRow

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUSTOMER, BOUNCING = "ada@customer.example", "kim@customer.example"
WITHIN_S = 1.0
SLACK_S = 2.0
"""A busy machine takes its share of the time that is measured."""
WITHIN_BYTES = 100 * 1024**2
MARKS = count(1)


class Marked(NamedTuple):
    """A message that can be told from all others."""

    message_id: str
    raw: bytes

    @property
    def mark(self) -> bytes:
        return f"<{self.message_id}>".encode()


class Front(NamedTuple):
    """The service, and the server that it sends everything on to."""

    house: House
    hop: NextHop

    async def bring(
        self,
        raw: bytes,
        *recipients: str,
        mail_from: str = SENDER,
        at: str = HERE,
        end: bytes = b"",
    ) -> list[str]:
        """One transaction; the replies to each recipient, to DATA, and to the message.

        The message ends as it should, or with `end`, line ends and all.
        """
        end = end or (b"." if raw.endswith(b"\r\n") else b"\r\n.")
        rcpt = [f"RCPT TO:<{address}>" for address in recipients or (CUSTOMER,)]
        mail = f"MAIL FROM:<{mail_from}> BODY=8BITMIME SMTPUTF8"
        content = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + end
        commands: list[str | bytes] = ["EHLO shop", mail, *rcpt, "DATA", content]
        return (await talk(self.house.ports.plain, *commands, at=at))[3:]

    async def taken(self, one: Marked) -> list[MessageRow]:
        """The messages of this mark, each read by now."""
        rows = await self.house.taken(one.message_id)
        return [await self.house.read(row) for row in rows]

    async def passed_by(self) -> None:
        """Wait until all that came before has gone on: an ordinary message comes behind it."""
        last = marked(LETTER)
        assert (await self.bring(last.raw))[-1].startswith("250")
        await self.hop.holding(last.mark)


def marked(raw: bytes) -> Marked:
    message_id = f"hostile-{next(MARKS)}@saffron.test"
    return Marked(message_id, f"Message-ID: <{message_id}>\r\n".encode() + raw)


LETTER = (
    b"From: Saffron & Sons <orders@saffron.test>\r\nTo: ada@customer.example\r\n"
    b"Subject: Hello\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nThank you.\r\n"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with AsyncExitStack() as stack:
        hop = await stack.enter_async_context(next_hop())
        opening = open_house(tmp_path_factory.mktemp("house"), next_hop=hop.port)
        yield Front(await stack.enter_async_context(opening), hop)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_1_to_10_the_next_server_gets_one_message(front: Front, ending: bytes) -> None:
    one, other = marked(LETTER), marked(LETTER)
    second = (
        b"MAIL FROM:<evil@saffron.test>\r\nRCPT TO:<victim@customer.example>\r\nDATA\r\n"
        + other.raw
    )
    end = ending + second + b"\r\n.\r\nQUIT"
    replies = await front.bring(one.raw, end=end)
    await front.passed_by()
    if b"\0" in ending:
        assert replies[-1].startswith("550 5.6.0")
        assert front.hop.with_(one.mark) == []
    else:
        assert replies[-1].startswith("250 2.0.0")
        [letter] = await front.hop.holding(one.mark)
        assert letter.is_one
        assert letter.rcpt_to == (f"<{CUSTOMER}>".encode(),)
        assert b"evil@" not in letter.mail_from
        assert letter in front.hop.with_(other.mark), "it is a part of the first"
    assert not any(b"victim@" in command or b"evil@" in command for command in front.hop.commands)


async def test_20_a_message_id_used_twice_is_sent_twice_and_flagged(front: Front) -> None:
    one = marked(LETTER)
    other = Marked(one.message_id, one.raw.replace(b"Thank you.", b"No, thanks."))
    for letter in (one, other, one, other):
        assert (await front.bring(letter.raw))[-1].startswith("250")
    await front.passed_by()
    first, second = await front.taken(one)
    assert (first.twin, second.twin) == (None, first.id)
    texts = [letter.text for letter in front.hop.with_(one.mark)]
    assert sorted(text.partition(b"\r\n\r\n")[2] for text in texts) == [
        b"No, thanks.\r\n",
        b"Thank you.\r\n",
    ]


UNPARSED = [  # row 22, row 23, row 25
    *("1,000 nested multiparts", "1,000 nested messages"),
    *("To of 16 KB of quotes", "To of 500 open brackets", "To of 16 KB of brackets"),
    *("900 addresses in one field", "900 fields of addresses"),
    "10,000 parts",
]
REFUSED = [  # row 23, row 24
    *("16,000 addresses", "218 KB of encoded words"),
    *("80,000 header fields", "one header field of 1 MB"),
]
READ = ["a bomb in an attachment"]  # row 25


async def test_22_23_25_what_cannot_be_read_is_sent_on_in_the_same_bytes(front: Front) -> None:
    before = memory(front.house.service.pid)
    all_of_them = UNREADABLE | READABLE
    sent = {name: marked(crlf(all_of_them[name])) for name in (*UNPARSED, *READ)}
    for name, one in sent.items():
        await answered(front, name, one.raw, "250")
    await front.passed_by()
    for name, one in sent.items():
        [letter] = await front.hop.holding(one.mark)
        assert letter.text.endswith((one.raw, one.raw + b"\r\n")), name
        [row] = await front.taken(one)
        expected = ("unparsed", True) if name in UNPARSED else ("read", False)
        assert (row.reading, bool(row.problem)) == expected, name
    for process, peak in memory(front.house.service.pid).items():
        assert peak - before.get(process, 0) < WITHIN_BYTES


async def test_23_24_a_header_beyond_the_caps_is_refused_at_once(front: Front) -> None:
    for name in REFUSED:
        one = marked(UNREADABLE[name])
        await answered(front, name, one.raw, "552 5.3.4")
        assert await front.taken(one) == []


def crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


async def answered(front: Front, name: str, raw: bytes, reply: str) -> None:
    began = time.monotonic()
    assert (await front.bring(raw))[-1].startswith(reply), name
    assert time.monotonic() - began < WITHIN_S + SLACK_S, name


def memory(service: int) -> dict[int, int]:
    """The most memory that the service and each of its workers ever had, in bytes."""
    family = psutil.Process(service)
    return {one.pid: _peak(one.pid) for one in (family, *family.children(recursive=True))}


def _peak(process: int) -> int:
    [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(line) * 1024


async def test_26_what_hides_in_encoded_words_stays_on_its_line(front: Front) -> None:
    hidden = b"=?utf-8?q?Hi=0D=0ABcc:_evil@x.test=0D=0A=0D=0A=00=E2=80=A8=E2=80=AE=1B[2J?="
    one = marked(
        b"From: "
        + hidden
        + b" <orders@saffron.test>\r\nTo: "
        + hidden
        + b" <ada@customer.example>\r\n"
        b"Subject: " + hidden + b"\r\nX-Order-ID: 90026\r\n\r\nThank you.\r\n"
    )
    assert (await front.bring(one.raw))[-1].startswith("250")
    [letter] = await front.hop.holding(one.mark)
    assert letter.text.endswith(one.raw)
    assert len(letter.rcpt_to) == 1
    [row] = await front.taken(one)
    assert row.subject
    assert row.subject.isprintable()
    order = await front.house.order("90026")
    assert order.customer == CUSTOMER
    assert (order.customer_name or "").isprintable()
    verb = ["order", "show", "90026", "--config", str(front.house.settings)]
    told = await asyncio.to_thread(CliRunner().invoke, app, verb, env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert all(line.isprintable() for line in told.stdout.split("\n"))


GOOD = {
    "o'x{y}+a/b=c@Good.Example": "o'x{y}+a/b=c@good.example",
    "A.b-c@GOOD.example": "A.b-c@good.example",
    "kim@bücher.example": "kim@xn--bcher-kva.example",
}
BAD = [
    "a@good.example, evil@x.example",
    "a@good.example,evil@x.example",
    "a@good.example> <evil@x.example",
    '"x\r\nRCPT TO:<evil@x.example>"@y.example',
    '"a@good.example"@evil.example',
    "kïm@evil.example",
    "@good.example:kim@evil.example",
    "evil%x.example",
]


async def test_27_the_recipient_on_the_wire_is_the_one_on_record(front: Front) -> None:
    one = marked(LETTER)
    replies = await front.bring(one.raw, *GOOD, *(bad for bad in BAD if "\n" not in bad))
    assert [reply[:3] for reply in replies[: len(GOOD)]] == ["250"] * len(GOOD)
    assert {reply[0] for reply in replies[len(GOOD) : -2]} == {"5"}
    assert replies[-1].startswith("250")
    split = [bad for bad in BAD if "\n" in bad]
    await front.bring(marked(LETTER).raw, *split)
    await front.passed_by()
    on_record = {case.mail.recipient for case in await front.house.cases(one.message_id)}
    assert on_record == set(GOOD.values())
    on_the_wire = [letter.rcpt_to for letter in front.hop.with_(one.mark)]
    assert sorted(on_the_wire) == sorted((f"<{to}>".encode(),) for to in on_record)
    assert not any(b"evil" in command for command in front.hop.commands)


STRANGE_BOUNCES = ["DTD of entities", "RTF", "24 MB of text", "carriage returns only"]
HUGE = 8_000_000


async def test_33_strange_bounces_are_taken_in_and_read_in_time(front: Front) -> None:
    one = marked(LETTER)
    assert (await front.bring(one.raw, BOUNCING))[-1].startswith("250")
    [letter] = await front.hop.holding(one.mark)
    path = letter.mail_from.decode().strip("<>")
    assert re.fullmatch(r"bounces\+[0-9a-z]{24}@saffron\.test", path)
    came = len(front.hop.letters)
    began = time.monotonic()
    for name in STRANGE_BOUNCES:
        replies = await front.bring(BOUNCES[name][:HUGE], path, mail_from="", at=STRANGER)
        assert replies[-1].startswith("250"), name
    await bounces_are_read(front)
    assert time.monotonic() - began < len(STRANGE_BOUNCES) * WITHIN_S + SLACK_S
    [case] = await front.house.ended(one.message_id, 1, "bounced")
    assert case.returns[-1].status == "5.1.1"
    await front.passed_by()
    assert len(front.hop.letters) == came + 1, "nothing was answered"


async def bounces_are_read(front: Front) -> None:
    """Wait until none waits."""

    async def none() -> bool:
        async with front.house.ledger.read() as conn:
            return not await messages.unread_bounces(conn, limit=1)

    await until(none, every_s=0.05)
