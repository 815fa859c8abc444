"""The instance's one secret, spread into a key for each purpose (HKDF, RFC 5869)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Keys:
    """32 bytes for each purpose; none tells anything about another."""

    tokens: bytes = field(repr=False)
    credentials: bytes = field(repr=False)
    fingerprints: bytes = field(repr=False)
    return_paths: bytes = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Keys:
        """Derived from the secret key file; raises ValueError when it cannot be read."""
        secret = settings.read_secret_key().get_secret_value()
        return cls(
            tokens=_derive(secret, "probe tokens"),
            credentials=_derive(secret, "stored credentials"),
            fingerprints=_derive(secret, "credential fingerprints"),
            return_paths=_derive(secret, "return paths"),
        )


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"receiptwatch {purpose} 1".encode()).derive(secret)
