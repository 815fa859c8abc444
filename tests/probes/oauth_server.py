"""A local authorisation server that answers like Google and Microsoft, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from base64 import urlsafe_b64encode
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from probes.oauth import GoogleCode, MicrosoftApp, MicrosoftDevice

if TYPE_CHECKING:
    import ssl
    from typing import Self

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLIENT = "client-1"
SECRET = "canary-client-secret"
REFRESH = "canary-refresh-0"
MAIL = "https://mail.google.com/"
OUTLOOK = "https://outlook.office.com/IMAP.AccessAsUser.All"


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.instant = NOON
        self.naps: list[float] = []

    def now(self) -> datetime:
        return self.instant

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.instant += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; with `drip`, one byte at a time, for as long as the server runs."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drip: bool = False


def refusal(word: str, description: str = "", status: int = 400) -> Reply:
    return Reply(status, json.dumps({"error": word, "error_description": description}).encode())


class OAuthServer:
    """Listens from entering to leaving. `faults` are served first, one per POST."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.faults: deque[Reply] = deque()
        self.forms: list[dict[str, str]] = []
        self.questions: list[dict[str, str]] = []
        self.refresh_tokens = {REFRESH}
        self.rotates = False
        self.omits: set[str] = set()
        self.scope = MAIL
        self.sends_back_state: str | None = None
        self.person_declines = False
        self.interval = 5
        self.polls: deque[str] = deque()
        self.stopping = threading.Event()
        self._codes: dict[str, dict[str, str]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def google(self, **changed: Any) -> GoogleCode:
        return GoogleCode(
            CLIENT,
            SECRET,
            **{"authorization_url": f"{self.url}/auth", "token_url": f"{self.url}/token"} | changed,
        )

    def device(self, **changed: Any) -> MicrosoftDevice:
        urls = {"device_url": f"{self.url}/devicecode", "token_url": f"{self.url}/token"}
        return MicrosoftDevice(CLIENT, **urls | changed)

    def app(self, **changed: Any) -> MicrosoftApp:
        given = {"tenant": "shop.example", "token_url": f"{self.url}/token"}
        return MicrosoftApp(CLIENT, SECRET, **given | changed)

    def authorize(self, question: dict[str, str]) -> Reply:
        """Google's consent page, with a person who agrees at once (or declines)."""
        self.questions.append(question)
        state = self.sends_back_state or question["state"]
        answer = {"state": state, "error": "access_denied"}
        if not self.person_declines:
            code = secrets.token_urlsafe(8)
            self._codes[code] = question
            answer = {"state": state, "code": code, "scope": self.scope}
        return Reply(302, headers={"Location": f"{question['redirect_uri']}?{urlencode(answer)}"})

    def post(self, path: str, form: dict[str, str]) -> Reply:
        self.forms.append(form)
        if self.faults:
            return self.faults.popleft()
        if form.get("client_id") != CLIENT:
            return refusal("invalid_client", status=401)
        if path.endswith("/devicecode"):
            return self._device_code()
        grants = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            "client_credentials": self._by_secret,
            "urn:ietf:params:oauth:grant-type:device_code": self._by_device_code,
        }
        return grants[form["grant_type"]](form)

    def _by_code(self, form: dict[str, str]) -> Reply:
        question = self._codes.pop(form["code"], None)
        if not question or question["redirect_uri"] != form["redirect_uri"]:
            return refusal("invalid_grant")
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != question["code_challenge"]:
            return refusal("invalid_grant", "PKCE")
        return self._tokens(REFRESH) if form["client_secret"] == SECRET else refusal("no")

    def _by_refresh_token(self, form: dict[str, str]) -> Reply:
        if form["refresh_token"] not in self.refresh_tokens:
            return refusal("invalid_grant", "Token has been expired or revoked.")
        if not self.rotates:
            return self._tokens(None)
        self.refresh_tokens = {f"canary-refresh-{len(self.forms)}"}
        return self._tokens(*self.refresh_tokens)

    def _by_secret(self, form: dict[str, str]) -> Reply:
        if form["client_secret"] != SECRET or "refresh_token" in form:
            return refusal("invalid_client", "AADSTS7000215: Invalid client secret", 401)
        return self._tokens(None)

    def _device_code(self) -> Reply:
        return _json(
            device_code="canary-device-code",
            user_code="ABCD-1234",
            verification_uri="https://login.example/device",
            expires_in=900,
            interval=self.interval,
            message="\x1b[31mOpen the page",
        )

    def _by_device_code(self, form: dict[str, str]) -> Reply:
        if form["device_code"] != "canary-device-code":
            return refusal("bad_verification_code")
        return refusal(self.polls.popleft()) if self.polls else self._tokens(REFRESH)

    def _tokens(self, refresh_token: str | None) -> Reply:
        answer: dict[str, object] = {
            "access_token": f"canary-access-{len(self.forms)}",
            "token_type": "Bearer",
            "expires_in": 3599,
            "scope": self.scope,
        }
        if refresh_token:
            answer["refresh_token"] = refresh_token
        return _json(**{key: value for key, value in answer.items() if key not in self.omits})


def _json(**answer: object) -> Reply:
    return Reply(body=json.dumps(answer).encode(), headers={"Content-Type": "application/json"})


def _handler(server: OAuthServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._send(server.authorize(dict(parse_qsl(urlsplit(self.path).query))))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._send(server.post(self.path, dict(parse_qsl(body))))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self._drip() if reply.drip else self.wfile.write(reply.body)
            except OSError:
                return  # the client had enough

        def _drip(self) -> None:
            while not server.stopping.wait(0.01):
                self.wfile.write(b" ")

    return Handler
