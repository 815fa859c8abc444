"""OAuth refresh tokens that a provider has rotated, sealed: a copied database opens no mailbox."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, select

from daemon.ledger import schema
from daemon.ledger.conflict import insert
from daemon.ledger.failures import LedgerError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_credentials = schema.credentials
_LABEL = b"receiptwatch ledger credentials 1 "


async def save(conn: AsyncConnection, key: bytes, seed: str, token: str, at: datetime) -> None:
    """Store the seed's newest token, in the place of the one before."""
    new = {"sealed": _seal(key, seed).encrypt(token.encode()), "updated_at": at}
    await conn.execute(
        insert(conn, _credentials)
        .values(seed=seed, **new)
        .on_conflict_do_update(index_elements=["seed"], set_=new)
    )


async def load(conn: AsyncConnection, key: bytes, seed: str) -> str | None:
    """The seed's newest token, or None. Raises LedgerError when another key has sealed it."""
    found = select(_credentials.c.sealed).where(_credentials.c.seed == seed)
    sealed = (await conn.execute(found)).scalar_one_or_none()
    if sealed is None:
        return None
    try:
        return _seal(key, seed).decrypt(sealed).decode()
    except InvalidToken:
        raise LedgerError(
            f"The stored login of {seed} was sealed with another key: give the old key back, or "
            "log the seed in again."
        ) from None


async def drop(conn: AsyncConnection, seed: str) -> None:
    """Forget the seed's token."""
    await conn.execute(delete(_credentials).where(_credentials.c.seed == seed))


def _seal(key: bytes, seed: str) -> Fernet:
    """A key for this purpose and this seed, so that no sealed token fits another seed's row."""
    derived = HKDF(SHA256(), length=32, salt=None, info=_LABEL + seed.encode()).derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))
