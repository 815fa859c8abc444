"""Keys and certificates as an operator may have them, good and bad; made anew for each run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

# two primes of 384 bits, because the library makes no key as short as their product
P = int(
    "DE3137522EB2C5E2ABE71BB999EE33241E01B80EF1197C65"
    "F88B5FDC9A482AE00743303ECB81F1F56C55D1C03120FC3B",
    16,
)
Q = int(
    "D906AC2F24F259EF7180EE83791AD901FDDA53F9BABFD0DC"
    "72948883DDF10D23FC193FD7ADAA07C8271E0FC98C39D467",
    16,
)


@cache
def pem_files() -> dict[str, bytes]:
    key, another = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    return {
        "good.pem": _certificate(key),
        "good.key": _pem(key),
        "another.key": _pem(another),
        "locked.key": _pem(key, BestAvailableEncryption(b"passphrase")),
        "dkim.key": _pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the least that is taken
        "ed25519.key": _pem(ed25519.Ed25519PrivateKey.generate()),
        "weak.key": _pem(_weak()),
    }


def _weak() -> rsa.RSAPrivateKey:
    d = pow(65537, -1, (P - 1) * (Q - 1))
    numbers = rsa.RSAPrivateNumbers(
        P,
        Q,
        d,
        rsa.rsa_crt_dmp1(d, P),
        rsa.rsa_crt_dmq1(d, Q),
        rsa.rsa_crt_iqmp(P, Q),
        rsa.RSAPublicNumbers(65537, P * Q),
    )
    return numbers.private_key()


def _pem(key: PrivateKey, locked: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked or NoEncryption())


def _certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
