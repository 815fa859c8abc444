"""Certificates and private keys in PEM form that the settings name."""

import ssl
from pathlib import Path
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import AfterValidator, SecretBytes

from daemon.settings.files import beside_the_settings, read_secret, regular

MAX_BYTES = 1_000_000
MIN_RSA_BITS = 1024
"""Receivers ignore signatures of shorter keys (RFC 8301 section 3.2)."""


def read_signing_key(path: Path) -> SecretBytes:
    """A DKIM key in PEM form; raises ValueError unless receivers heed what it signs."""
    if reason := _unheeded(_private_key(path)):
        raise ValueError(f"{path} {reason}")
    return read_secret(path)


def _unheeded(key: PrivateKeyTypes) -> str | None:
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        return f"is an RSA key of {key.key_size} bits: receivers ignore it; make one of 2048"
    if isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        return None
    return "must be an RSA or an Ed25519 key: DKIM knows no other"


def mismatch(certificate: Path, key: Path) -> str | None:
    """Why a server could not use the two together, or None; both files are good by themselves."""
    if _bytes_of(_certificate(certificate).public_key()) != _bytes_of(
        _private_key(key).public_key()
    ):
        return f"{key} is not the key of {certificate}"
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        return f"TLS cannot use {key} with {certificate}: {error.strerror or error}"
    return None


def _private_key(path: Path) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(read_secret(path).get_secret_value(), password=None)
    except TypeError:
        raise ValueError(f"{path} is locked by a passphrase; write it without one") from None
    except (UnsupportedAlgorithm, ValueError) as error:
        if str(path) in str(error):  # said by `read_secret`
            raise
        raise ValueError(f"{path} holds no private key in PEM form") from None


def _certificate(path: Path) -> x509.Certificate:
    """The first one in the file: the server's own."""
    regular(path)
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificates(file.read(MAX_BYTES))[0]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None


def _bytes_of(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _certificate_file(path: Path) -> Path:
    _certificate(path)
    return path


def _private_key_file(path: Path) -> Path:
    _private_key(path)
    return path


def _signing_key_file(path: Path) -> Path:
    read_signing_key(path)
    return path


_Path = Annotated[Path, AfterValidator(beside_the_settings)]
CertificateFile = Annotated[_Path, AfterValidator(_certificate_file)]
"""A server's certificate, and those between it and the root, in PEM form."""
PrivateKeyFile = Annotated[_Path, AfterValidator(_private_key_file)]
"""A server's private key in PEM form, without a passphrase, that only its owner may read."""
SigningKeyFile = Annotated[_Path, AfterValidator(_signing_key_file)]
"""A DKIM key in PEM form: RSA of 1024 bits or more, or Ed25519."""
