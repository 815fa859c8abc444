"""One POST to an OAuth endpoint: capped, checked, and silent about what was sent.

What a server answers is believed only after its types were checked; failures are raised outside
the `except` that found them, so that no chained exception carries the form or the answer along.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import ssl
import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from probes.oauth.failures import OAuthError, Refused, TokenTrouble
from probes.oauth.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

# At DEBUG it writes whole header lists, in which a server may send secrets and cookies back.
logging.getLogger("httpcore2").setLevel(logging.INFO)

LARGEST_ANSWER = 65_536
LONGEST_RETRY_AFTER_S = 86_400.0
LATER = frozenset({408, 429})

ERROR_WORDS = frozenset(
    {
        "access_denied",
        "authorization_declined",
        "authorization_pending",
        "bad_verification_code",
        "consent_required",
        "expired_token",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "login_required",
        "slow_down",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
TEMPORARY_WORDS = frozenset({"server_error", "temporarily_unavailable"})

VsChars = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]+$", max_length=16_384)]
"""RFC 6749 appendix A: printable ASCII. A control character would break out of XOAUTH2."""


class Answer(BaseModel):
    """A JSON object of an OAuth endpoint; unknown members are ignored (RFC 6749 section 5.1)."""

    model_config = ConfigDict(hide_input_in_errors=True)


class TokenAnswer(Answer):
    """RFC 6749 section 5.1; `expires_in` in seconds."""

    access_token: VsChars = Field(repr=False)
    token_type: str = Field(pattern=r"^(?i:bearer)$")
    expires_in: int = Field(gt=0, le=10_000_000)
    refresh_token: VsChars | None = Field(default=None, repr=False)
    scope: str = ""

    def tokens(self, asked_at: datetime) -> Tokens:
        """The answer with its lifetime counted from when it was asked for."""
        return Tokens(
            self.access_token,
            asked_at + timedelta(seconds=self.expires_in),
            self.refresh_token,
            frozenset(self.scope.split()),
        )


class ErrorAnswer(Answer):
    """RFC 6749 section 5.2; of the description only Microsoft's AADSTS number is ever used."""

    error: str = Field(repr=False)
    error_description: str = Field(default="", repr=False)

    @property
    def detail(self) -> str:
        """The AADSTS number, or nothing."""
        found = re.search(r"\bAADSTS\d{4,8}\b", self.error_description)
        return found.group() if found else ""


class _Reply(NamedTuple):
    status: int
    retry_after: str
    body: bytes


Shape = TypeVar("Shape", bound=Answer)


def ask(
    url: str, form: Mapping[str, str], shape: type[Shape], *, now: datetime, timeout_s: float
) -> Shape:
    """POST `form` to `url`; raises Refused (RFC 6749 section 5.2) or TokenTrouble.

    `timeout_s` bounds each step (connect, send, wait) and the whole body.
    """
    host = protected_host(url)
    reply = _post(url, form, host, timeout_s)
    answer = _parsed(shape, reply.body) if reply.status == 200 else None
    if answer is None:
        raise _failure(host, reply, now)
    return answer


def protected_host(url: str) -> str:
    """The URL's host; raises ValueError unless it is https, or http to a loopback address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))):
        raise ValueError(f"an OAuth endpoint must be https://…, not {parts.scheme}://{host}")
    return host


def _loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _post(url: str, form: Mapping[str, str], host: str, timeout_s: float) -> _Reply:
    deadline = time.monotonic() + timeout_s
    try:
        with (
            _client(host, timeout_s) as client,
            client.stream("POST", url, data=dict(form)) as response,
        ):
            body = _body(response, host, deadline)
            return _Reply(response.status_code, response.headers.get("Retry-After", ""), body)
    except httpx2.ConnectError as error:
        problem = f"cannot be reached: {error}"
    except httpx2.HTTPError as error:
        problem = f"did not answer properly ({type(error).__name__})"
    raise TokenTrouble(host, problem)


def _client(host: str, timeout_s: float) -> httpx2.Client:
    return httpx2.Client(
        verify=ssl.create_default_context(),
        timeout=timeout_s,
        trust_env=not _loopback(host),  # plain HTTP to ourselves must not leave by a proxy
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


def _body(response: httpx2.Response, host: str, deadline: float) -> bytes:
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise TokenTrouble(host, f"answered with more than {LARGEST_ANSWER} bytes")
        if time.monotonic() > deadline:
            raise TokenTrouble(host, "answered too slowly")
    return body


def _parsed(shape: type[Shape], body: bytes) -> Shape | None:
    with contextlib.suppress(ValidationError):
        return shape.model_validate_json(body)
    return None


def _failure(host: str, reply: _Reply, now: datetime) -> OAuthError:
    if reply.status in LATER or reply.status >= 500:
        wish = retry_after_s(reply.retry_after, now)
        return TokenTrouble(host, f"answered {reply.status}", wish)
    error = _parsed(ErrorAnswer, reply.body)
    if error is None or error.error in TEMPORARY_WORDS:
        return TokenTrouble(host, f"answered {reply.status} with something unusable")
    code = error.error if error.error in ERROR_WORDS else "unknown error"
    return Refused(host, code, error.detail)


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
