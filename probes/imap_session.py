"""One IMAP connection that can only look: EXAMINE, SEARCH, FETCH with PEEK, IDLE.

No search names a charset (Exchange refuses every one), and IDLE's dead socket and hidden notices
are dealt with here. Opening, moving or flagging mail would train the provider's filter, so nothing
in this file can.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from probes.endpoint import Bearer, Password
from probes.folders import Folder
from probes.imap_client import connect
from probes.imap_errors import (
    CommandRefused,
    LoginRefused,
    MailboxError,
    ProtocolTrouble,
    is_throttle,
    throttled,
    tidy,
    translated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from probes.endpoint import Endpoint, Login

LONGEST_IDLE_S = 540.0
"""Shorter than any NAT forgets and than the 29 minutes of RFC 2177."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Examined:
    """What EXAMINE told about a folder; `uidnext` is None where the server does not say."""

    uidvalidity: int
    uidnext: int | None
    exists: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was asked of one message; `octets` is the requested section, `labels` are Gmail's."""

    uid: int
    size: int
    internal_date: datetime | None
    octets: bytes
    labels: frozenset[str]


class Session:
    """A connection to `endpoint`, opened by the constructor; not to be shared by threads.

    Every method raises a MailboxError, and nothing else, for what the server does or fails to do.
    `commands` counts the IMAP commands sent.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.commands = 0
        self.where = f"{endpoint.host}:{endpoint.port}"
        self._endpoint = endpoint
        self._secrets: tuple[str, ...] = ()
        with self._trouble("connecting"):
            self._client = connect(endpoint)
        self._wire = self._client.wire

    def log_in(self, login: Login) -> None:
        """Authenticate; raises LoginRefused when the server will not have this login."""
        if not self._endpoint.may_carry_login(self._client.socket().getpeername()[0]):
            raise LoginRefused(
                f"A login is never sent to {self.where} unencrypted. Use tls: implicit or starttls."
            )
        secret = login.password if isinstance(login, Password) else login.access_token()
        self._secrets = (secret,)
        try:
            self._ask("the login", self._client.authenticate, login, secret)
        except CommandRefused as refusal:
            if isinstance(login, Bearer):
                login.refused(secret)
            raise LoginRefused(
                f"{refusal.sentence} Check user name and password, and whether IMAP is allowed."
            ) from None
        self._ask("listing its capabilities", self._client.capabilities)

    def introduce(self) -> None:
        """Say who we are (RFC 2971), where the server takes that."""
        if self.offers("ID"):
            self._ask("being introduced", self._client.id_, {"name": "Receiptwatch"})

    def offers(self, capability: str) -> bool:
        """Whether the server advertises `capability`."""
        return bool(self._client.has_capability(capability))

    def folders(self) -> list[Folder]:
        """Every folder that LIST names."""
        listed = self._ask("listing its folders", self._client.list_folders)
        return [
            Folder(name, _text(delimiter), frozenset(_text(flag).lower() for flag in flags))
            for flags, delimiter, name in listed
        ]

    def noop(self) -> None:
        """Let the server tell what it has to tell; finds out whether it is still there."""
        self._ask("being asked for news", self._client.noop)

    def examine(self, folder: str) -> Examined:
        """Open `folder` for reading only, afresh; searches go stale in a folder left open."""
        told = self._ask(f"opening the folder {folder}", self._client.examine, folder)
        return Examined(
            uidvalidity=told.get(b"UIDVALIDITY", 0),
            uidnext=told.get(b"UIDNEXT"),
            exists=told.get(b"EXISTS", 0),
        )

    def uids_from(self, first: int) -> list[int]:
        """The UIDs from `first` on, ascending; a server may add its last one, which is dropped."""
        return [uid for uid in self._search([b"UID", b"%d:*" % first]) if uid >= first]

    def uids_since(self, day: date) -> list[int]:
        """The UIDs that arrived on `day` or later, ascending."""
        return self._search([b"SINCE", day])

    def in_category(self, category: str, uids: Sequence[int]) -> list[int]:
        """Those of `uids` that Gmail files under `category`; only where X-GM-EXT-1 is offered."""
        among = b",".join(b"%d" % uid for uid in uids)
        return self._search([b"UID", among, b"X-GM-RAW", f"category:{category}".encode("ascii")])

    def fetch(self, uids: Sequence[int], section: str, *, labels: bool = False) -> list[Fetched]:
        """Size, date and `section` ("BODY.PEEK[]<0.9>"; may be empty) of each message still there.

        One command; ascending by UID.
        """
        items = ["RFC822.SIZE", "INTERNALDATE", *([section] if section else [])]
        items += ["X-GM-LABELS"] if labels else []
        answers = self._ask("reading messages", self._client.fetch, list(uids), items)
        return [_fetched(uid, answer) for uid, answer in sorted(answers.items())]

    def idle(self, timeout_s: float, wake: socket.socket) -> bool:
        """Wait for news of the open folder; True when there was some.

        Ends early when `wake` becomes readable, and after nine minutes in any case.
        """
        self._ask("going idle", self._client.idle)
        with self._trouble("idling"):
            arrived = self._until_news(time.monotonic() + min(timeout_s, LONGEST_IDLE_S), wake)
            # A dead socket and half a TLS record both look like an early nothing: the answer to
            # DONE tells one from the other.
            _, notices = self._client.idle_done()
        return arrived or _any_news(notices)

    def close(self) -> None:
        """Drop the connection, also under another thread's command, which then fails.

        LOGOUT would only wait for an answer that nobody needs.
        """
        with suppress(OSError):  # closing alone would wait for the reader to let go
            self._client.socket().shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._client.shutdown()

    def _until_news(self, deadline: float, wake: socket.socket) -> bool:
        if self._holds_unread():  # the answer to DONE brings it
            return False
        poller = select.poll()
        for source in (self._client.socket(), wake):
            poller.register(source, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = {number for number, _ in poller.poll(left * 1000)}
            if wake.fileno() in ready:
                return False
            notices = self._client.idle_check(timeout=0) if ready else ()
            if _any_news(notices):
                return True
            if ready and not notices:
                return False
        return False

    def _holds_unread(self) -> bool:
        """Whether a notice came in one packet with IDLE's "+", where no poll can see it."""
        sock = self._client.socket()
        sock.settimeout(0)
        try:
            return self._wire.holds_unread()
        except OSError:
            return False
        finally:
            sock.settimeout(self._endpoint.timeout_s)

    def _search(self, criteria: list[Any]) -> list[int]:
        return sorted(self._ask("searching", self._client.search, criteria))

    def _ask(self, doing: str, command: Callable[..., T], *parts: object) -> T:
        self.commands += 1
        with self._trouble(doing):
            answer = command(*parts)
        if self._wire.complaint:
            raise throttled(self.where, tidy(self._wire.complaint.decode("utf-8", "replace")))
        return answer

    @contextmanager
    def _trouble(self, doing: str) -> Iterator[None]:
        """Turn whatever comes out of library and socket into a MailboxError without secrets."""
        try:
            yield
        except MailboxError:
            raise
        except Exception as error:  # noqa: BLE001 - a strange answer may raise anything in there
            raise self._farewell() or translated(error, self.where, doing, self._secrets) from None

    def _farewell(self) -> MailboxError | None:
        wire = getattr(self, "_wire", None)
        if wire is None or wire.farewell is None:
            return None
        words = tidy(wire.farewell.decode("utf-8", "replace"), self._secrets)
        if is_throttle(words):
            return throttled(self.where, words)
        return ProtocolTrouble(f"{self.where} ended the connection: {words}.")


def _text(value: bytes | int | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _any_news(notices: Iterable[tuple[object, ...]]) -> bool:
    return any(len(notice) > 1 and notice[1] == b"EXISTS" for notice in notices)


def _fetched(uid: int, answer: dict[bytes, Any]) -> Fetched:
    octets = next((value for item, value in answer.items() if item.startswith(b"BODY[")), b"")
    date = answer.get(b"INTERNALDATE")
    labels = answer.get(b"X-GM-LABELS") or ()
    return Fetched(
        uid=uid,
        size=answer.get(b"RFC822.SIZE") or 0,
        internal_date=date.astimezone(UTC) if date else None,
        octets=octets if isinstance(octets, bytes) else str(octets or "").encode(),
        labels=frozenset(_text(label) for label in labels),
    )
