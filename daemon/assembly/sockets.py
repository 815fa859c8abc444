"""The sockets of a running service: opened at its start, kept over reloads."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake.server import open_socket

if TYPE_CHECKING:
    from contextlib import ExitStack

    from daemon.settings import Settings
    from daemon.settings.addresses import HostPort

Places = tuple["HostPort", "HostPort", tuple["HostPort", ...]]


@dataclass(frozen=True, slots=True)
class Sockets:
    """What listens for people, for Prometheus, and for mail."""

    console: socket.socket
    metrics: socket.socket
    mail: tuple[socket.socket, ...]

    def mail_copies(self) -> list[socket.socket]:
        """Copies of the mail sockets, for a server that closes what it is given."""
        return [sock.dup() for sock in self.mail]

    def web(self) -> list[socket.socket]:
        """The two that are spoken to by HTTP."""
        return [self.console, self.metrics]


def places(settings: Settings) -> Places:
    """Every address that the settings want to be listened at."""
    listen, intake = settings.listen, settings.intake
    mail = tuple(listener.address for listener in intake.listen) if intake else ()
    return listen.console, listen.metrics, mail


def open_sockets(settings: Settings, stack: ExitStack) -> Sockets:
    """Open them all, closed with `stack`; raises OSError with the address."""
    console, metrics, mail = places(settings)
    return Sockets(
        stack.enter_context(_listening(console)),
        stack.enter_context(_listening(metrics)),
        tuple(stack.enter_context(_bound(address)) for address in mail),
    )


def url(sock: socket.socket) -> str:
    """What a browser calls it."""
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _listening(address: HostPort) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise _explained(address, error) from error


def _bound(address: HostPort) -> socket.socket:
    try:
        return open_socket(address.host, address.port)
    except OSError as error:
        raise _explained(address, error) from error


def _explained(address: HostPort, error: OSError) -> OSError:
    return OSError(f"cannot listen on {address.host}:{address.port}: {error.strerror}")
