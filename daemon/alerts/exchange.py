"""One HTTPS request of a channel: capped, timed, and silent about addresses that are secrets."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any

import httpx2
from pydantic import AfterValidator, TypeAdapter, ValidationError

from daemon.alerts.channel import Undeliverable

if TYPE_CHECKING:
    from pathlib import Path

# They write every URL, and some of those hold a token.
logging.getLogger("httpx2").setLevel(logging.WARNING)
logging.getLogger("httpcore2").setLevel(logging.WARNING)

TIMEOUT_S = 10.0
CONNECT_S = 5.0
LARGEST_ANSWER = 65_536
LONGEST_RETRY_AFTER_S = 86_400.0
LATER = frozenset({408, 425, 429})

_OURSELVES = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_Json = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; `body` is at most 64 KB."""

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            return _Json.validate_json(self.body)
        except ValidationError:
            return {}


def client(ca_file: Path | None = None) -> httpx2.AsyncClient:
    """The one client that all channels share; verifies TLS, by `ca_file` alone when given."""
    return httpx2.AsyncClient(
        verify=ssl.create_default_context(cafile=str(ca_file) if ca_file else None),
        timeout=httpx2.Timeout(TIMEOUT_S, connect=CONNECT_S),
        follow_redirects=False,
        mounts=dict.fromkeys(_OURSELVES),  # plain HTTP to ourselves must not leave by a proxy
        headers={"User-Agent": "receiptwatch", "Accept-Encoding": "identity"},
    )


async def ask(
    http: httpx2.AsyncClient,
    method: str,
    url: str,
    *,
    whom: str,
    **content: Any,
) -> Answer:
    """Send the request and read the answer within 10 s in all; raises Undeliverable.

    `whom` is what errors call the server; the URL never stands in them. `content` goes to httpx2.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _exchange(http, method, url, content)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        problem = Undeliverable(f"{whom} cannot be reached{_tls(error)}.")
    except (TimeoutError, httpx2.HTTPError) as error:
        # Only an answer tells; whatever was sent may have been taken.
        name = type(error).__name__
        problem = Undeliverable(f"{whom} did not answer properly ({name}).", in_doubt=True)
    raise problem


async def _exchange(
    http: httpx2.AsyncClient, method: str, url: str, content: dict[str, Any]
) -> Answer:
    async with http.stream(method, url, **content) as response:
        body = b""
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                break
        wait = retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC))
        return Answer(response.status_code, body[:LARGEST_ANSWER], wait)


def demand_success(answer: Answer, whom: str, reason: str = "") -> None:
    """Raise Undeliverable unless the answer is 2xx; `reason` is the server's word, no secret."""
    if 200 <= answer.status < 300:
        return
    why = f": {_printable(reason)}" if reason else ""
    raise Undeliverable(
        f"{whom} answered {answer.status}{why}.",
        permanent=300 <= answer.status < 500 and answer.status not in LATER,
        retry_after_s=answer.retry_after_s,
    )


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After field asks for (RFC 9110 section 10.2.3), at most a day."""
    if re.fullmatch(r"[0-9]{1,9}", value):
        wish = float(value)
    else:
        try:
            wish = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(wish, 0.0), LONGEST_RETRY_AFTER_S)


def _tls(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f": its certificate is not accepted ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return ""


def _printable(text: str) -> str:
    line = " ".join(text.split())[:200]
    return "".join(c if c.isprintable() else "?" for c in line).rstrip(".")


def protected(url: str) -> str:
    """`url`, when what is sent to it is private; raises ValueError otherwise."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise ValueError("is no web address") from None
    loopback = parsed.scheme == "http" and is_loopback(parsed.host)
    if not parsed.host or not (parsed.scheme == "https" or loopback) or parsed.userinfo:
        raise ValueError("must be a web address that begins with https://, without a password")
    return url


def is_loopback(host: str) -> bool:
    """Whether a connection to `host` never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


WebAddress = Annotated[str, AfterValidator(protected)]
"""https://…, or http:// to this machine."""
