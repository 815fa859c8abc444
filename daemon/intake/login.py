"""Who logs in: SASL's PLAIN and LOGIN (RFC 4616), and passwords by argon2id."""

from __future__ import annotations

import asyncio
import binascii
import hmac
import secrets
import time
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, NamedTuple

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from daemon.intake import replies
from daemon.intake.replies import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from daemon.intake.terms import Shop

MECHANISMS = ("PLAIN", "LOGIN")
BELIEVED_S = 300.0
"""How long a password that was right is not hashed again: some clients log in for each mail."""
AT_ONCE = 2
"""Hashes computed at the same time: each takes memory and a core."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # as OWASP advises


class Credentials(NamedTuple):
    """What a client claims."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


def hash_password(password: str) -> str:
    """The argon2id hash (PHC string) that `Login` holds."""
    return _HASHER.hash(password)


class Logins:
    """The shops' logins. An unknown username takes as long as a wrong password."""

    def __init__(self, shops: Iterable[Shop]) -> None:
        self._shops = {s.login.username: s for s in shops if s.login is not None}
        hashes = [s.login.password_hash for s in self._shops.values() if s.login is not None]
        self._nobody = _hash_like(hashes[0]) if hashes else ""
        self._key = secrets.token_bytes(32)
        self._believed: dict[bytes, float] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    def __bool__(self) -> bool:
        return bool(self._shops)

    async def shop_of(self, claim: Credentials) -> Shop | None:
        """The shop whose username and password these are."""
        shop = self._shops.get(claim.username)
        proof = hmac.digest(self._key, "\0".join(claim).encode(), "sha256")
        if self._believes(proof):
            return shop
        async with self._turn:
            if self._believes(proof):  # somebody else waited with the same
                return shop
            known = shop.login.password_hash if shop and shop.login else self._nobody
            right = await asyncio.to_thread(_verified, known, claim.password)
        if shop is None or not right:
            return None
        self._believed[proof] = time.monotonic() + BELIEVED_S
        return shop

    def _believes(self, proof: bytes) -> bool:
        return self._believed.get(proof, 0.0) > time.monotonic()


async def credentials(
    mechanism: str, initial: str | None, ask: Callable[[str], Awaitable[bytes]]
) -> Credentials:
    """Hold the mechanism's exchange; `ask` sends a challenge and returns the client's line.

    Raises Refused.
    """
    if mechanism == "PLAIN":
        return _plain(await _answer("", initial, ask))
    if mechanism == "LOGIN":
        username = await _answer("Username:", initial, ask)
        return Credentials(username, await _answer("Password:", None, ask))
    raise Refused(replies.BAD_MECHANISM)


async def _answer(prompt: str, initial: str | None, ask: Callable[[str], Awaitable[bytes]]) -> str:
    if initial is None:
        line = (await ask(b64encode(prompt.encode()).decode())).strip()
    else:
        line = b"" if initial == "=" else initial.encode()
    if line == b"*":
        raise Refused(replies.CANCELLED)
    try:
        return b64decode(line, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(replies.NOT_BASE64) from None  # the cause would quote the password


def _plain(text: str) -> Credentials:
    identity, mark, rest = text.partition("\0")
    username, second, password = rest.partition("\0")
    if not mark or not second or "\0" in password or identity not in {"", username}:
        raise Refused(replies.NOT_BASE64)
    return Credentials(username, password)


def _hash_like(known: str) -> str:
    """The hash of a password that nobody has, as hard to verify as `known`."""
    try:
        hasher = PasswordHasher.from_parameters(extract_parameters(known))
    except InvalidHashError:
        hasher = _HASHER
    return hasher.hash(secrets.token_hex())


def _verified(known: str, password: str) -> bool:
    try:
        return _HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
