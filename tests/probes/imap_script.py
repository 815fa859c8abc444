"""A scripted IMAP server on loopback that speaks as Gmail, Exchange Online or Yahoo do.

It holds a tiny mailbox, remembers every command, and refuses whatever would alter the mailbox:
`violations` must be empty when a test ends.
"""

from __future__ import annotations

import base64
import io
import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from imapclient.imap_utf7 import decode as from_utf7
from imapclient.imap_utf7 import encode as to_utf7

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

ALTERING = re.compile(
    r"(UID )?(SELECT|STORE|COPY|MOVE|EXPUNGE|APPEND|CREATE|DELETE|RENAME|CLOSE|SUBSCRIBE)\b"
    r"|UID FETCH .*(BODY\[|RFC822[ )]|RFC822\.TEXT)",
    re.IGNORECASE,
)


REFUSED_TOKEN = b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'


@dataclass(frozen=True)
class Persona:
    """How a provider's server presents itself; `folders` maps a name to its LIST flags."""

    name: str
    capabilities: str
    folders: dict[str, str]
    unopenable: tuple[str, ...] = ()


GMAIL = Persona(
    "gmail",
    "IMAP4rev1 UNSELECT IDLE NAMESPACE ID XLIST CHILDREN X-GM-EXT-1 SPECIAL-USE AUTH=PLAIN "
    "AUTH=XOAUTH2 AUTH=OAUTHBEARER",
    {
        "INBOX": "\\HasNoChildren",
        "[Gmail]": "\\HasChildren \\Noselect",
        "[Gmail]/همهٔ نامه‌ها": "\\All \\HasNoChildren",
        "[Gmail]/هرزنامه": "\\HasNoChildren \\Junk",
        "[Gmail]/ارسال‌شده": "\\HasNoChildren \\Sent",
    },
)
EXCHANGE = Persona(
    "outlook",
    "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE "
    "LITERAL+",
    {
        "INBOX": "\\Marked \\HasNoChildren",
        "Archive": "\\HasNoChildren",
        "Calendar": "\\HasNoChildren",
        "Junk Email": "\\HasNoChildren",
    },
    unopenable=("Calendar",),
)
YAHOO = Persona(
    "yahoo",
    "IMAP4rev1 ID MOVE NAMESPACE UIDPLUS LITERAL+ CHILDREN UNSELECT AUTH=PLAIN",
    {"INBOX": "\\HasNoChildren", "Archive": "\\Archive", "Bulk Mail": "\\HasNoChildren"},
)


@dataclass
class Message:
    raw: bytes
    arrived: datetime
    categories: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass
class Folder:
    uidvalidity: int
    uidnext: int = 1
    messages: dict[int, Message] = field(default_factory=dict)


class ScriptedImap:
    """Serves on 127.0.0.1:`port` from entering to leaving the context.

    `instead` maps the beginning of a command to the tagged answer it gets in place of its own;
    `behind` replaces a command's final answer only; `frozen` makes it take commands and never
    answer. `announced` is a false length for every literal.
    """

    def __init__(self, persona: Persona, tls: ssl.SSLContext | None = None) -> None:
        self.persona, self.tls = persona, tls
        self.starttls: ssl.SSLContext | None = None
        self.folders = {
            name: Folder(uidvalidity=1000 + n) for n, name in enumerate(persona.folders)
        }
        self.commands: list[str] = []
        self.violations: list[str] = []
        self.instead: dict[str, str] = {}
        self.behind: dict[str, str] = {}
        self.announced: int | None = None
        self.password = "open sesame"
        self.frozen = threading.Event()
        self.changed = threading.Condition()
        self.idling: dict[_Talk, str] = {}
        self._talks: list[_Talk] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.drop()
        for talk in self._talks:
            talk.join()

    def deliver(
        self,
        folder: str,
        raw: bytes,
        *,
        arrived: datetime | None = None,
        categories: tuple[str, ...] = (),
        labels: tuple[str, ...] = (),
    ) -> int:
        """Put a message into a folder and tell whoever idles there; answers its UID."""
        with self.changed:
            box = self.folders[folder]
            uid, box.uidnext = box.uidnext, box.uidnext + 1
            box.messages[uid] = Message(raw, arrived or datetime.now(UTC), categories, labels)
            for talk in [talk for talk, name in self.idling.items() if name == folder]:
                talk.say(f"* {len(box.messages)} EXISTS")
        return uid

    def move(self, uid: int, source: str, target: str) -> int:
        message = self.folders[source].messages.pop(uid)
        return self.deliver(target, message.raw, arrived=message.arrived)

    def renumber(self, folder: str) -> None:
        """Give the folder a new UIDVALIDITY and its messages new UIDs, from 1."""
        box = self.folders[folder]
        messages = list(box.messages.values())
        self.folders[folder] = Folder(
            box.uidvalidity + 7, len(messages) + 1, dict(enumerate(messages, start=1))
        )

    def drop(self) -> None:
        """Cut every connection."""
        for talk in list(self._talks):
            talk.cut()

    def await_idling(self, *, deadline_s: float = 10.0) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: bool(self.idling), deadline_s), "nobody idles"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._talks.append(_Talk(self, sock))
            self._talks[-1].start()


class _Talk(threading.Thread):
    """One connection."""

    def __init__(self, server: ScriptedImap, sock: socket.socket) -> None:
        super().__init__()
        self.server, self.sock = server, sock
        self.lines: io.BufferedIOBase = io.BytesIO()
        self.folder = ""
        self.known = 0

    def run(self) -> None:
        with suppress(OSError, ValueError), self.sock:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.tls:
                self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
            self.lines = self.sock.makefile("rb")
            self.say("* OK [CAPABILITY IMAP4rev1 GREETING-ONLY] ready")
            while line := self.lines.readline():
                self.obey(line.decode().rstrip("\r\n"))
        self.lines.close()
        self.sock.close()
        self.server.idling.pop(self, None)

    def say(self, *lines: str) -> None:
        self.put("".join(f"{line}\r\n" for line in lines).encode())

    def put(self, octets: bytes) -> None:
        with suppress(OSError):
            self.sock.sendall(octets)

    def cut(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def obey(self, line: str) -> None:
        tag, _, command = line.partition(" ")
        self.server.commands.append(command)
        if self.server.frozen.is_set():
            return
        if ALTERING.match(command):
            self.server.violations.append(command)
            self.say(f"{tag} BAD this mailbox is only to be looked at")
            return
        if command == "STARTTLS" and self.server.starttls:
            self.say(f"{tag} OK begin")
            self.sock = self.server.starttls.wrap_socket(self.sock, server_side=True)
            self.lines.close()
            self.lines = self.sock.makefile("rb")
            return
        scripted = [a for start, a in self.server.instead.items() if command.startswith(start)]
        if scripted:
            if scripted[0].startswith("* BYE"):
                self.say(scripted[0])
                self.cut()
            else:
                self.say(f"{tag} {scripted[0]}")
            return
        self.say(f"{tag} {self.answer(command)}")

    def answer(self, command: str) -> str:
        verb, _, rest = command.partition(" ")
        if verb == "UID":
            verb, _, rest = rest.partition(" ")
        return str(getattr(self, f"on_{verb.lower()}", self.on_unknown)(rest))

    def on_unknown(self, _rest: str) -> str:
        return "BAD unknown command"

    def on_capability(self, _rest: str) -> str:
        self.say(f"* CAPABILITY {self.server.persona.capabilities}")
        return "OK done"

    def on_noop(self, _rest: str) -> str:
        return "OK NOOP completed"

    def on_id(self, _rest: str) -> str:
        self.say('* ID ("name" "scripted")')
        return "OK done"

    def on_login(self, rest: str) -> str:
        return self._admit(rest.endswith(f'"{self.server.password}"'))

    def on_authenticate(self, rest: str) -> str:
        self.say("+ ")
        answer = base64.b64decode(self.lines.readline()).decode()
        if rest == "PLAIN":
            return self._admit(answer.endswith(f"\0{self.server.password}"))
        good = f"auth=Bearer {self.server.password}\1" in answer
        if not good:
            self.say(f"+ {base64.b64encode(REFUSED_TOKEN).decode()}")
            self.lines.readline()
        return self._admit(good)

    def _admit(self, good: bool) -> str:  # noqa: FBT001 - a scripted answer
        return "OK logged in" if good else "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"

    def on_list(self, _rest: str) -> str:
        for name, flags in self.server.persona.folders.items():
            self.say(f'* LIST ({flags}) "/" "{to_utf7(name).decode()}"')
        return "OK done"

    def on_examine(self, rest: str) -> str:
        name = from_utf7(rest.strip('"').encode())
        if name in self.server.persona.unopenable or name not in self.server.folders:
            return f"NO {name} cannot be opened"
        self.folder, box = name, self.server.folders[name]
        self.known = len(box.messages)
        self.say(
            "* FLAGS (\\Seen)",
            f"* {self.known} EXISTS",
            "* 0 RECENT",
            f"* OK [UIDVALIDITY {box.uidvalidity}] UIDs valid",
            f"* OK [UIDNEXT {box.uidnext}] next",
        )
        return "OK [READ-ONLY] examined"

    def on_search(self, rest: str) -> str:
        if rest.startswith("CHARSET"):
            return "NO [BADCHARSET (US-ASCII)] The specified charset is not supported."
        if "X-GM-RAW" in rest and "X-GM-EXT-1" not in self.server.persona.capabilities:
            return "BAD Could not parse command"
        found = [str(uid) for uid in self._searched(rest)]
        self.say(" ".join(["* SEARCH", *found]))
        return "OK done"

    def _searched(self, criteria: str) -> Iterator[int]:
        messages = self.server.folders[self.folder].messages
        among = re.search(r"UID ([\d,:*]+)", criteria)
        since = re.search(r"SINCE (\S+)", criteria)
        header = re.search(r"HEADER (\S+) (\S+)", criteria)
        category = re.search(r"X-GM-RAW \"?category:(\w+)", criteria)
        uids = self._set(among[1]) if among else set(messages)
        for uid, message in sorted(messages.items()):
            wanted = uid in uids
            if since:
                day = datetime.strptime(since[1], "%d-%b-%Y").replace(tzinfo=UTC)
                wanted &= message.arrived >= day
            if header:
                wanted &= f"\r\n{header[1]}: {header[2]}\r\n".encode() in message.raw
            if category:
                wanted &= category[1] in message.categories
            if wanted:
                yield uid

    def _set(self, text: str) -> set[int]:
        uids = set(self.server.folders[self.folder].messages)
        found: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition(":")
            if last == "*":  # the highest UID is always in the range (RFC 3501, 6.4.8)
                found |= {uid for uid in uids if uid >= int(first)} | {max(uids, default=0)}
            else:
                found |= {uid for uid in uids if int(first) <= uid <= int(last or first)}
        return found

    def on_fetch(self, rest: str) -> str:
        uids, _, items = rest.partition(" ")
        wanted = self._set(uids)
        for number, (uid, message) in enumerate(self.server.folders[self.folder].messages.items()):
            if uid in wanted:
                self.put(f"* {number + 1} FETCH (UID {uid}".encode())
                self.put(b"".join(_fetched(items, message, self.server.announced)) + b")\r\n")
        return self.server.behind.get("FETCH", "OK Success")

    def on_idle(self, _rest: str) -> str:
        with self.server.changed:
            grown = len(self.server.folders[self.folder].messages)
            news = [f"* {grown} EXISTS"] if grown > self.known else []
            self.say("+ idling", *news)  # in one packet, as real servers do
            self.server.idling[self] = self.folder
            self.server.changed.notify_all()
        self.lines.readline()
        while self.server.frozen.is_set() and self.lines.readline():
            pass
        self.server.idling.pop(self, None)
        return "OK IDLE terminated"


def _fetched(items: str, message: Message, announced: int | None) -> Iterator[bytes]:
    yield f" RFC822.SIZE {len(message.raw)}".encode()
    yield f' INTERNALDATE "{message.arrived:%d-%b-%Y %H:%M:%S +0000}"'.encode()
    if "X-GM-LABELS" in items:
        quoted = " ".join('"' + label.replace("\\", "\\\\") + '"' for label in message.labels)
        yield f" X-GM-LABELS ({quoted})".encode()
    section = re.search(r"BODY\.PEEK\[(.*?)\]<0\.(\d+)>", items)
    if section:
        octets = _section(message.raw, section[1])[: int(section[2])]
        yield f" BODY[{section[1]}]<0> {{{announced or len(octets)}}}\r\n".encode() + octets


def _section(raw: bytes, section: str) -> bytes:
    if not section:
        return raw
    wanted = {name.lower() for name in section[section.index("(") + 1 : -1].split()}
    header = raw.partition(b"\r\n\r\n")[0]
    kept: list[bytes] = []
    keep = False
    for line in header.split(b"\r\n"):
        if line[:1] not in {b" ", b"\t"}:
            keep = line.partition(b":")[0].decode("latin-1").lower() in wanted
        kept += [line] if keep else []
    return b"".join(line + b"\r\n" for line in [*kept, b""])
