"""IMAP as the big providers speak it, on pymap's in-memory backend.

pymap lacks three things that matter here and are added: SPECIAL-USE (RFC 6154), Gmail's
X-GM-RAW category search, and a provider that refuses a login or ends its sessions.
"""

from __future__ import annotations

import re
from argparse import Namespace
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from proxyprotocol.result import ProxyResultLocal
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.concurrent import Subsystem
from pymap.config import BackendCapability
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pymap.listtree import ListEntry, ListTree
from pymap.parsing.command.select import UidSearchCommand
from pymap.parsing.commands import Commands
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

from daemon.demo.listeners import StreamListener

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_CATEGORY = re.compile(rb'X-GM-RAW "?category:(\w+)"?', re.IGNORECASE)
_writer: ContextVar[asyncio.StreamWriter] = ContextVar("_writer")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one provider's IMAP offers.

    `folders` maps every folder besides INBOX to its SPECIAL-USE attribute ("Junk"), or None.
    `categories` says that INBOX is divided into Gmail's categories.
    """

    folders: Mapping[str, str | None]
    idle: bool = True
    categories: bool = False
    capabilities: tuple[bytes, ...] = ()


class ImapServer:
    """Mailboxes of one provider, over implicit TLS."""

    def __init__(self, dialect: Dialect, passwords: Mapping[str, str]) -> None:
        """Create empty mailboxes; `passwords` maps each address to its password."""
        self._dialect = dialect
        self._config = _Config(dialect)
        self._login = _Login(self._config)
        for address, password in passwords.items():
            self._login.users_dict[address] = UserMetadata(self._config, address, password=password)
        self._addresses = tuple(passwords)
        self._serve = IMAPServer(self._login, self._config)
        self._listener = StreamListener(self._converse)

    async def start(self, tls: ssl.SSLContext) -> None:
        """Make the folders, bind, serve."""
        for address in self._addresses:
            mailboxes = _MailboxSet(self._dialect)
            for folder in self._dialect.folders:
                await mailboxes.add_mailbox(folder)
            self._config.set_cache[address] = (mailboxes, FilterSet())
        await self._listener.start(tls)

    async def close(self) -> None:
        """Stop serving; the mail is forgotten with the object."""
        await self._listener.close()

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._listener.port

    async def deliver(
        self, address: str, folder: str, message: bytes, received_at: datetime, tab: str | None
    ) -> None:
        """Append `message` to a mailbox; raises KeyError where it has no such folder."""
        mailboxes, _ = self._config.set_cache[address]
        mailbox = await mailboxes.get_mailbox(folder)
        flags = frozenset({Flag(_keyword(tab.encode()))} if tab else ())
        await mailbox.append(AppendMessage(message, received_at, flags), recent=True)

    def lock(self, address: str) -> None:
        """Refuse the login of `address` and end its sessions."""
        self._login.locked.add(address)
        self._listener.cut(lambda writer: self._login.sessions.get(writer) == address)

    def unlock(self) -> None:
        """Let everybody log in again."""
        self._login.locked.clear()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _writer.set(writer)
        info = SocketInfo.get(writer, ProxyResultLocal(), unique_id=uuid4().bytes)
        try:
            await self._serve(reader, cast("asyncio.StreamWriter", _WholeResponses(writer)), info)
        finally:
            self._login.sessions.pop(writer, None)


class _WholeResponses:
    """Sends a response at once; pymap writes it in pieces, each a TLS record of its own."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._pieces = bytearray()

    def write(self, data: bytes) -> None:
        self._pieces += data

    async def drain(self) -> None:
        self._writer.write(bytes(self._pieces))
        self._pieces.clear()
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


class _Config(Config):
    def __init__(self, dialect: Dialect) -> None:
        in_loop = Subsystem.for_asyncio()  # pymap's own choice is a thread pool it never ends
        arguments = Namespace(passlib_cfg=None, proxy_protocol=None)
        super().__init__(
            arguments,
            host=None,
            port=0,
            demo_data=False,
            demo_user="",
            demo_password="",
            tls_enabled=False,
            hash_context=Cleartext(),
            subsystem=in_loop,
            cpu_subsystem=in_loop,
            invalid_user_sleep=0,
        )
        self._dialect = dialect

    @property
    def backend_capability(self) -> BackendCapability:
        return BackendCapability(
            idle=self._dialect.idle,
            object_id=False,
            multi_append=False,
            custom=self._dialect.capabilities,
        )

    @property
    def commands(self) -> Commands:
        commands = Commands()
        if not self._dialect.idle:
            commands.deregister(b"IDLE")
        if self._dialect.categories:
            commands.register(_CategorySearch)
        return commands

    @property
    def greeting(self) -> bytes:
        return b"ready"  # pymap's own asks the real DNS for this machine's name


class _Login(Login):
    """Knows who sits behind which connection, and who may not log in."""

    def __init__(self, config: _Config) -> None:
        super().__init__(config)
        self.locked: set[str] = set()
        self.sessions: dict[asyncio.StreamWriter, str] = {}

    async def authenticate(self, credentials: Any) -> Any:  # noqa: ANN401 - pymap's own types
        if credentials.authcid in self.locked:
            raise InvalidAuth
        identity = await super().authenticate(credentials)
        self.sessions[_writer.get()] = identity.name
        return identity


class _MailboxSet(MailboxSet):
    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self._dialect = dialect

    async def list_mailboxes(self) -> ListTree:
        return _SpecialTree(self._dialect.folders).update("INBOX", *self._set)


class _SpecialTree(ListTree):
    """Names each folder's special use in LIST, which RFC 6154 section 5.1 allows unasked."""

    def __init__(self, uses: Mapping[str, str | None]) -> None:
        super().__init__("/")
        self._uses = uses

    def list(self) -> Iterable[ListEntry]:
        for entry in super().list():
            use = self._uses.get(entry.name)
            yield _SpecialEntry(
                entry.name,
                entry.exists,
                entry.marked,
                entry.has_children,
                (use.encode(),) if use else (),
            )


@dataclass(frozen=True)
class _SpecialEntry(ListEntry):
    uses: tuple[bytes, ...] = ()

    @property
    def attributes(self) -> tuple[bytes, ...]:
        return (*super().attributes, *self.uses)


class _CategorySearch(UidSearchCommand):
    """Reads X-GM-RAW "category:updates" as a search for the keyword that stands for it."""

    @classmethod
    def parse(cls, buf: memoryview, params: Any) -> Any:  # noqa: ANN401 - pymap's own types
        plain = _CATEGORY.sub(lambda match: b"KEYWORD " + _keyword(match[1]), bytes(buf))
        return super().parse(memoryview(plain), params)


def _keyword(category: bytes) -> bytes:
    return b"$category_" + category.lower()
