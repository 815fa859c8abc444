"""Authentication-Results (RFC 8601): what the receiver itself concluded, where it can be believed.

Parsed by the library `authres`, which as it stands refuses most real fields: the shim adds the
authserv-id that Microsoft leaves out, drops a final semicolon and the instance of ARC, and takes
the comments out first, on which the library spends quadratic time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import authres

from probes.comments import Part, without
from probes.received import is_trusted, trusted_hop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.letter import Field, Letter

MAX_LENGTH = 2048
"""Of one field without its comments; the library's time grows with the square of it."""
MAX_FIELDS = 5
MAX_RESULTS = 50
_NO_ID = "unnamed.invalid"
_STARTS_WITH_METHOD = re.compile(r"[A-Za-z0-9-]+(?:/[0-9]+)?\s*=")
_ARC_INSTANCE = re.compile(r"i\s*=\s*[0-9]+\s*;\s*")
# The property that tells what a method's result is about (RFC 8601 2.7, RFC 7489 11.2).
_SUBJECTS = {
    "spf": (("smtp", "mailfrom"), ("smtp", "mfrom"), ("smtp", "helo")),
    "dkim": (("header", "d"), ("header", "i")),
    "dmarc": (("header", "from"),),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One result: method, result and the domain it is about, in lower case."""

    method: str
    result: str
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """One parsed field; `authserv_id` is None where the field names none."""

    authserv_id: str | None
    claims: tuple[Claim, ...]


def parse_results(value: str) -> AuthenticationResults | None:
    """Read the unfolded value of a field; None when it is malformed or too long."""
    text = " ".join(without(value, Part.COMMENT).split()).rstrip("; ")
    text = _ARC_INSTANCE.sub("", text, count=1) if _ARC_INSTANCE.match(text) else text
    if len(text) > MAX_LENGTH:
        return None
    if _STARTS_WITH_METHOD.match(text):
        text = f"{_NO_ID}; {text}"
    try:
        header = authres.core_features().parse_value(text)
    except (authres.AuthResError, ValueError):
        return None
    name = header.authserv_id
    named = [
        result for result in header.results if isinstance(result, authres.AuthenticationResult)
    ]
    claims = tuple(_claim(result) for result in named[:MAX_RESULTS])
    return AuthenticationResults(None if name == _NO_ID else name, claims)


def receiver_results(
    letter: Letter, trusted_hosts: Sequence[str]
) -> tuple[AuthenticationResults, ...]:
    """The fields that the provider wrote, the topmost first; empty when none can be believed.

    Above the Received field by which the provider took the message in, only the provider can have
    written: every field there counts that names the provider or nobody. Below it a sender could
    have put his own; the provider must take out those in its name (RFC 8601 5), so only the
    topmost counts there, above the next Received field, and only if it names the provider.
    """
    hop = trusted_hop(letter, trusted_hosts)
    if hop is None:
        return ()
    above = _results(letter.fields[: hop.index])
    own = [r for r in above if r.authserv_id is None or is_trusted(r.authserv_id, trusted_hosts)]
    if own:
        return tuple(own)
    below = _results(_until_received(letter.fields[hop.index + 1 :]))[:1]
    return tuple(r for r in below if r.authserv_id and is_trusted(r.authserv_id, trusted_hosts))


def _results(fields: Sequence[Field]) -> list[AuthenticationResults]:
    named = [field for field in fields if field.name == "authentication-results"][:MAX_FIELDS]
    return [parsed for field in named if (parsed := parse_results(field.value))]


def _until_received(fields: Sequence[Field]) -> Sequence[Field]:
    ends = (at for at, field in enumerate(fields) if field.name == "received")
    return fields[: next(ends, len(fields))]


def _claim(result: Any) -> Claim:  # noqa: ANN401 - the library ships no types
    method = str(result.method).lower()
    found = {(p.type.lower(), p.name.lower()): str(p.value) for p in result.properties or ()}
    subject = next((found[key] for key in _SUBJECTS.get(method, ()) if found.get(key)), None)
    domain = subject.rpartition("@")[2].strip('"').lower() if subject else None
    return Claim(method, str(result.result).lower(), domain)
