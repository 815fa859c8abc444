"""Where the shops' own mail is taken in, and from whom."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from daemon.settings.addresses import (
    Domain,
    EmailAddress,
    Host,
    ListenAddress,
    NetworkAddress,
    is_loopback,
)
from daemon.settings.durations import Duration
from daemon.settings.entries import repeated
from daemon.settings.files import HashFile, read_password_hash
from daemon.settings.login import Text
from daemon.settings.patterns import OrderPattern
from daemon.settings.pem import CertificateFile, PrivateKeyFile, mismatch
from daemon.settings.section import Refusal, Section, at_least_one, refuse
from daemon.settings.servers import TlsWord

MIN_IDLE, MAX_IDLE = timedelta(seconds=10), timedelta(hours=1)


class Listener(Section):
    """One address that mail programs connect to."""

    address: ListenAddress
    """IP address and port."""
    tls: TlsWord = "starttls"
    """starttls, implicit (TLS from the first byte), or none: then nobody logs in from afar."""
    cert_file: CertificateFile | None = None
    """Its certificate with those between it and the root, in PEM form."""
    key_file: PrivateKeyFile | None = None
    """The certificate's private key, in PEM form, mode 0600."""

    @model_validator(mode="after")
    def _has_a_certificate(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        for name, file in (("cert_file", self.cert_file), ("key_file", self.key_file)):
            if file and self.tls == "none":
                yield (name,), "does nothing with `tls: none`; write starttls, or remove it"
            elif not file and self.tls != "none":
                yield (name,), f"is missing. TLS ({self.tls}) needs a certificate and its key"
        if self.cert_file and self.key_file and (reason := mismatch(self.cert_file, self.key_file)):
            yield ("key_file",), reason


class Intake(Section):
    """The SMTP server that takes the shops' mail in."""

    listen: Annotated[tuple[Listener, ...], AfterValidator(at_least_one)]
    """The addresses that it listens on."""
    hostname: Host | None = None
    """What it calls itself in SMTP; this machine's name by default."""
    allow_public: Annotated[bool, Field(strict=True)] = False
    """true: may listen on addresses that other machines reach."""
    max_message_mb: Annotated[int, Field(strict=True, ge=1, le=100)] = 25
    """The largest message that is taken, in MB."""
    connections: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1200
    """The most connections at a time."""
    connections_per_ip: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 50
    """The same from one IP address."""
    idle: Duration = timedelta(seconds=300)
    """How long a connection may be silent before it is closed."""

    @model_validator(mode="after")
    def _private_and_within_bounds(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        for at, listener in enumerate(self.listen):
            if not self.allow_public and not is_loopback(listener.address.host):
                sentence = "must be on loopback (127.0.0.1), or write `allow_public: true`"
                yield ("listen", at, "address"), sentence
        if self.connections_per_ip > self.connections:
            yield ("connections_per_ip",), "must not be more than `connections`"
        if not MIN_IDLE <= self.idle <= MAX_IDLE:
            yield ("idle",), "must be at least 10s and at most 1h"

    @classmethod
    def clashes(cls, data: Mapping[str, Any]) -> Iterator[Refusal]:
        """Each listener has an address of its own; port 0 is any free one."""
        for steps, sentence in repeated(data, "listen", "address"):
            if not str(data["listen"][steps[1]]["address"]).endswith(":0"):
                yield steps, sentence


class Orders(Section):
    """How the shop's mail says which order it is about, beside the built-in ways."""

    number: Annotated[tuple[OrderPattern, ...], Field(max_length=20)] = ()
    """Regular expressions, in any case of letters, over subject and text; the one group in each is
    the order's number, or groups are named `number` and `customer`."""
    customer: Annotated[tuple[OrderPattern, ...], Field(max_length=20)] = ()
    """The same for the customer's e-mail address; the recipient by default."""


class ShopIntake(Section):
    """How this shop's mail comes in."""

    mode: Literal["relay", "copy"]
    """relay: it is sent on by the shop's routes; copy: the shop sends it itself, this is a copy."""
    username: Text | None = None
    """The name that the shop's mail program logs in with; only ever over TLS."""
    password_hash_file: HashFile | None = None
    """File of that login's argon2id hash; `receiptwatch password` makes it."""
    networks: Annotated[tuple[NetworkAddress, ...], Field(max_length=100)] = ()
    """Networks of the shop's own servers, which may send without a login."""
    copy_to: Annotated[tuple[EmailAddress, ...], Field(max_length=20)] = ()
    """Mode copy: the addresses here that the shop's blind copies or journal go to."""
    senders: Annotated[tuple[Domain, ...], Field(max_length=100)] = ()
    """Domains that its mail comes from, with those below each; by default those of its routes'
    `from`."""
    messages_per_minute: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 3000
    """The most messages that are taken from it; what is more is asked to come again later."""
    orders: Orders = Orders()
    """Patterns that find the order, where X-Order-ID and schema.org do not tell it."""

    @model_validator(mode="after")
    def _says_from_whom(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.username and not self.password_hash_file:
            yield ("password_hash_file",), "is missing. `receiptwatch password` makes one"
        if self.password_hash_file and not self.username:
            yield ("username",), "is missing. A login needs a name beside its password"
        if self.mode == "relay":
            yield from self._refusals_of_relay()
        elif not self.copy_to:
            sentence = "is missing. Mode copy needs the addresses that the copies go to"
            yield ("copy_to",), sentence

    def _refusals_of_relay(self) -> Iterator[Refusal]:
        if not (self.username or self.password_hash_file or self.networks):
            sentence = "is missing. Say who may send: a login (`username`), or `networks`"
            yield ("username",), sentence
        if self.copy_to:
            yield ("copy_to",), "belongs to `mode: copy`; remove it"

    def read_password_hash(self) -> SecretStr | None:
        """The login's hash, if there is one; raises ValueError when it cannot be read."""
        return read_password_hash(self.password_hash_file) if self.password_hash_file else None
