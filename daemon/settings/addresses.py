"""Hosts, ports and mail addresses as the settings write them."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from probes.address import AddressError, check_address, parse_mailbox

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.IGNORECASE)


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
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or not _is_address(host):
        raise ValueError('must be an IP address and a port, such as "127.0.0.1:8025"')
    return HostPort(host, int(port))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must have 1 to 40 characters out of a-z, 0-9 and -")
    return value


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
    try:
        return check_address(value)
    except AddressError as error:
        raise ValueError(f"{error} Write it like orders@shop.example") from None


def _sender(value: str) -> str:
    try:
        parse_mailbox(value)
    except AddressError as error:
        raise ValueError(f"{error} Write it like Example Shop <orders@shop.example>") from None
    return value


Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})
]
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
