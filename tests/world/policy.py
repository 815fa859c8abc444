"""What the MXs and relays answer at RCPT: greylisting, and any reply that a story asks for.

Speaks Postfix's policy delegation protocol (SMTPD_POLICY_README): lines `name=value`, an empty
line, and the answer `action=…` with an empty line.
"""

from __future__ import annotations

import socketserver
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.world.plan import GREYLISTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.world.plan import Plan

PORT = 10040
GREYLISTING = "450 4.7.1 Greylisted, please try again"
GREY_SECONDS = 1.0
Request = dict[str, str]


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while request := self._request():
            assert isinstance(self.server, _Listener)
            self.wfile.write(f"action={self.server.decide(request)}\n\n".encode())

    def _request(self) -> Request:
        request: Request = {}
        for line in self.rfile:
            name, equals, value = line.decode(errors="replace").rstrip("\n").partition("=")
            if not equals:
                break
            request[name] = value
        return request


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # Postfix keeps its connections open for as long as it likes

    def __init__(self, address: tuple[str, int], decide: Callable[[Request], str]) -> None:
        super().__init__(address, _Conversation)
        self.decide = decide


@dataclass(slots=True)
class Policy:
    """The policy service of every Postfix here; lives in a thread of the tests."""

    plan: Plan
    first_seen: dict[tuple[str, str, str], float] = field(default_factory=dict)
    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    listener: _Listener | None = None

    def start(self) -> None:
        self.listener = _Listener((self.plan.policy, PORT), self.decide)
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def decide(self, request: Request) -> str:
        """The Postfix access(5) action for one request."""
        recipient, server = request.get("recipient", "").lower(), request.get("server_address", "")
        for key in ((server, recipient), (server, "*")):
            if key in self.answers:
                return self.answers[key]
        at_provider = server in {provider.ip for provider in self.plan.providers()}
        grey = at_provider and recipient.startswith(f"{GREYLISTED}@")
        return self._greylisting(request) if grey else "DUNNO"

    def _greylisting(self, request: Request) -> str:
        names = ("client_address", "sender", "recipient")
        triplet = (request[names[0]], request[names[1]], request[names[2]])
        first = self.first_seen.setdefault(triplet, time.monotonic())
        return "DUNNO" if time.monotonic() - first >= GREY_SECONDS else GREYLISTING

    def forget(self) -> None:
        """Greylist everybody anew."""
        self.first_seen.clear()

    @contextmanager
    def answer(self, at: str, reply: str, recipient: str = "*") -> Iterator[None]:
        """Let the provider or route named `at` answer `reply` at RCPT, until the end.

        `reply` is an SMTP reply such as "550 5.7.1 Blocked", or an access(5) action.
        """
        ips = {r.name: r.ip for r in self.plan.routes()}
        ips |= {p.name: p.ip for p in self.plan.providers()}
        key = (ips[at], recipient)
        self.answers[key] = reply
        try:
            yield
        finally:
            del self.answers[key]

    def stop(self) -> None:
        if self.listener:
            self.listener.shutdown()
            self.listener.server_close()
