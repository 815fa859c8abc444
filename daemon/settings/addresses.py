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

_WIDEST = {4: 8, 6: 7}
"""The shortest prefixes by IP version: 10.0.0.0/8 and fc00::/7 are the widest of private use."""
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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


def _domain(value: str) -> str:
    try:
        return check_address(f"postmaster@{value}").rpartition("@")[2]
    except AddressError:
        raise ValueError("must be a domain, such as shop.example") from None


def _network(value: object) -> Network:
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    try:
        network = ipaddress.ip_network(str(value))
    except ValueError:
        raise ValueError(_no_network(str(value))) from None
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(
            f"`{network}` holds so much of the Internet that this would be an open relay; "
            "write the addresses of your own servers"
        )
    if isinstance(network, ipaddress.IPv6Network) and network.overlaps(_MAPPED):
        raise ValueError("means IPv4 addresses; write them as such, such as 192.0.2.0/24")
    return network


def _no_network(value: str) -> str:
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "must be a network, such as 192.0.2.0/24 or 2001:db8::/64, or one IP address"
    return f"has an address within the network; write `{meant}` for all of it, or the address alone"


Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})
]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Domain = Annotated[str, AfterValidator(_domain)]
IpAddress = Annotated[str, AfterValidator(_ip_address)]
EmailAddress = Annotated[str, AfterValidator(_email_address)]
Sender = Annotated[str, AfterValidator(_sender)]
NetworkAddress = Annotated[
    Network,
    PlainValidator(_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9a-fA-F.:]+(/\d{1,3})?$"}),
]
ListenAddress = Annotated[
    HostPort,
    PlainValidator(_listen_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^.+:\d{1,5}$"}),
]
