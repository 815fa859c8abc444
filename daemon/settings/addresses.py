"""Hosts, ports and mail addresses as the settings write them."""

import ipaddress
import re
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address, AddressHeader
from email.policy import SMTPUTF8
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.IGNORECASE)
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.IGNORECASE)  # RFC 5321 4.1.2 Dot-string


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address to listen on; `str()` is `127.0.0.1:8025` or `[::1]:8025`. Port 0: any free."""

    host: str
    port: int

    def __str__(self) -> str:
        """As the settings file writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a connection to `host` never leaves this machine."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen_address(value: object) -> HostPort:
    if isinstance(value, HostPort):
        return value
    host, _, port = str(value).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"\d{1,5}", port) or int(port) > 65535 or not _is_address(host):
        raise ValueError('must be an IP address and a port, such as "127.0.0.1:8025"')
    return HostPort(host, int(port))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _host(value: str) -> str:
    name, _, port = value.rpartition(":")
    if name and port.isdigit() and _HOST.fullmatch(name):
        raise ValueError(f"must be a host name alone; write the port as `port: {port}`")
    if not _is_address(value) and (len(value) > 253 or not _HOST.fullmatch(value)):
        raise ValueError("must be a host name, such as smtp.shop.example, or an IP address")
    return value


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be the IP address of a name server, such as 192.0.2.53") from None


def _email_address(value: str) -> str:
    local, _, domain = value.rpartition("@")
    proper = _LOCAL_PART.fullmatch(local) and _HOST.fullmatch(domain) and "." in domain
    if not proper or len(local) > 64 or len(value) > 254:
        raise ValueError("must be one mail address, such as orders@shop.example")
    return value


def _sender(value: str) -> str:
    _email_address(mailbox(value).addr_spec)
    return value


def mailbox(value: str) -> Address:
    """The one mailbox (RFC 5322 3.4) that `value` names; raises ValueError unless it is one."""
    wrong = 'must be one sender, such as "Example Shop <orders@shop.example>"'
    if any(ord(character) < 32 for character in value):
        raise ValueError(wrong)
    try:
        header = SMTPUTF8.header_factory("from", value)
    except (MessageError, IndexError, AttributeError):
        raise ValueError(wrong) from None
    if not isinstance(header, AddressHeader) or len(header.addresses) != 1:
        raise ValueError(f"{wrong}; a name with a comma needs its own double quotes")
    return header.addresses[0]


Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
IpAddress = Annotated[str, AfterValidator(_ip_address)]
EmailAddress = Annotated[str, AfterValidator(_email_address)]
Sender = Annotated[str, AfterValidator(_sender)]
ListenAddress = Annotated[
    HostPort,
    PlainValidator(_listen_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^.+:\d{1,5}$"}),
]
