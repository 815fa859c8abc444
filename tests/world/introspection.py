"""OAuth2 token introspection (RFC 7662): one provider asks it whether a token is good."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from tests.world.pki import TokenMint
    from tests.world.plan import Plan

PORT = 8099


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        form = parse_qs(self.rfile.read(length).decode())
        assert isinstance(self.server, _Listener)
        holder = self.server.mint.holder(form.get("token", [""])[0])
        answer = json.dumps({"active": holder is not None, "sub": holder or ""}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep the tests' output clean."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # Dovecot keeps its connection open

    def __init__(self, address: tuple[str, int], mint: TokenMint) -> None:
        super().__init__(address, _Endpoint)
        self.mint = mint


@dataclass(slots=True)
class Introspection:
    """The endpoint, in a thread of the tests."""

    plan: Plan
    mint: TokenMint
    listener: _Listener | None = None

    def start(self) -> None:
        self.listener = _Listener((self.plan.introspection, PORT), self.mint)
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self.listener:
            self.listener.shutdown()
            self.listener.server_close()
