"""Keys of the mail world: a private CA, server certificates, DKIM keys, OAuth2 tokens."""

from __future__ import annotations

import base64
import ipaddress
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.world.processes import owner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.plan import Plan

ISSUER = "https://accounts.world.test"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_private(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


class Authority:
    """A certificate authority that nobody else trusts."""

    def __init__(self, common_name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(common_name)
        builder = self._builder(self._subject, self._key.public_key())
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=10))
        )

    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, folder: Path, name: str, hosts: list[str], ip: str) -> None:
        """Write `name.crt` and `name.key`, valid for the host names and the address."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [*map(x509.DNSName, hosts), x509.IPAddress(ipaddress.ip_address(ip))]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            self._builder(_name(hosts[0]), key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
        # Dovecot reads it as nobody
        _write_private(folder / f"{name}.key", _private_pem(key))
        os.chown(folder / f"{name}.key", *owner())


def issue_certificates(plan: Plan) -> None:
    """Write the CA, a certificate for every server, and a CA file that signed none of them."""
    folder = plan.room("tls")
    authority = Authority("World CA")
    plan.ca_file.write_bytes(authority.pem())
    (folder / "stranger.pem").write_bytes(Authority("Stranger CA").pem())
    for provider in plan.providers():
        authority.issue(folder, provider.name, [provider.imap, provider.mx], provider.ip)
    for route in plan.routes():
        authority.issue(folder, route.name, [route.hostname], route.ip)


def make_dkim_keys(plan: Plan) -> dict[str, str]:
    """Write `dkim/ROUTE.key` for every route; return each route's TXT record."""
    folder = plan.room("dkim")
    records = {}
    for route in plan.routes():
        key = rsa.generate_private_key(65537, 2048)
        _write_private(folder / f"{route.name}.key", _private_pem(key))
        os.chown(folder / f"{route.name}.key", *owner())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        records[route.name] = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    return records


@dataclass(frozen=True, slots=True)
class TokenMint:
    """Mints the OAuth2 access tokens that the world's IMAP servers accept."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def open(cls, plan: Plan) -> TokenMint:
        """Create the signing key and write its public half where Dovecot looks it up."""
        key = ec.generate_private_key(ec.SECP256R1())
        # Dovecot's lookup is <authorized party>/<algorithm>/<key id>
        folder = plan.room("oauth/default/ES256")
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "default").write_bytes(public)
        return cls(key)

    def token(self, address: str, expires_in_s: int = 300) -> str:
        """An access token for one mailbox; a negative lifetime makes an expired one."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": address,
            "email": address,
            "iat": now - 600,
            "nbf": now - 600,
            "exp": now + expires_in_s,
        }
        return jwt.encode(claims, self.key, algorithm="ES256")

    def holder(self, token: str) -> str | None:
        """The mailbox a token is good for; None when it is forged or expired."""
        try:
            claims = jwt.decode(token, self.key.public_key(), algorithms=["ES256"], issuer=ISSUER)
        except jwt.InvalidTokenError:
            return None
        return str(claims["email"])
