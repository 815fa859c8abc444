"""Waits on a loopback port for the browser that comes back from a login (RFC 8252 section 7.3)."""

from __future__ import annotations

import queue
import re
import secrets
import socketserver
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from probes.oauth.failures import LoginFailed

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

LARGEST_REQUEST = 16_384
SLOWEST_REQUEST_S = 5.0

_PAGE = """<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>Receiptwatch</title>
<style>body{{font:1.1rem/1.6 sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""
_THANKS = ("200 OK", "Thank you", "You may close this page; the rest happens in the terminal.")
_DECLINED = ("200 OK", "Nothing was changed", "Access was not given. The terminal says more.")
_STRANGER = (
    "400 Bad Request",
    "Not the login we are waiting for",
    "Open the address that the terminal shows, in this browser, and start again from there.",
)


def redirected_fields(address: str) -> dict[str, str]:
    """The query fields of a redirect, from its address or request target; {} when absurd."""
    try:
        return dict(parse_qsl(urlsplit(address).query, max_num_fields=20))
    except ValueError:
        return {}


def same_state(fields: dict[str, str], state: str) -> bool:
    """Whether a redirect answers the request that carried `state` (RFC 6749 section 10.12)."""
    return secrets.compare_digest(fields.get("state", "").encode(), state.encode())


class Loopback:
    """A listener for one redirect, on a free port of 127.0.0.1 from entering to leaving.

    Requests with a foreign state get a page saying so and change nothing: any web page may make
    the browser send one.
    """

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.server_close()

    @property
    def redirect_uri(self) -> str:
        """Where the provider is to send the browser."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def wait(self, state: str, timeout_s: float) -> str:
        """The request target of the redirect that carries `state`; LoginFailed when none comes."""
        self._server.state = state
        serving = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        try:
            return self._server.redirects.get(timeout=timeout_s)
        except queue.Empty:
            raise LoginFailed(
                f"Nobody came back from the login within {timeout_s:.0f} seconds.",
                "Start it again and open the address in a browser on this machine.",
            ) from None
        finally:
            self._server.shutdown()
            serving.join()


class _Server(socketserver.ThreadingTCPServer):
    # Threads, because browsers open spare connections and say nothing on them.
    daemon_threads = True

    state = ""

    def __init__(self, address: tuple[str, int], request: type[_Request]) -> None:
        super().__init__(address, request)
        self.redirects: queue.SimpleQueue[str] = queue.SimpleQueue()


class _Request(socketserver.StreamRequestHandler):
    timeout = SLOWEST_REQUEST_S
    server: _Server

    def handle(self) -> None:
        try:
            target = self._target()
            fields = redirected_fields(target)
            if not same_state(fields, self.server.state):
                return self._answer(*_STRANGER)
            self._answer(*(_THANKS if "code" in fields else _DECLINED))
        except OSError:
            return None
        return self.server.redirects.put(target)

    def _target(self) -> str:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(LARGEST_REQUEST - len(head))
            if not line:
                return ""
            head += line
        found = re.match(rb"GET (/\?[\x21-\x7e]*) HTTP/1\.[01]\r\n", head)
        return found[1].decode() if found else ""

    def _answer(self, status: str, title: str, text: str) -> None:
        page = _PAGE.format(title=title, text=text).encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(page)}\r\nConnection: close\r\nCache-Control: no-store\r\n"
            "Referrer-Policy: no-referrer\r\n"
            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\r\n"
        )
        self.wfile.write(head.encode() + page)
