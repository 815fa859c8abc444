"""The servers that routes submit to and seeds are read from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from daemon.settings.addresses import Host, Port, is_loopback
from daemon.settings.files import CaFile
from daemon.settings.section import Refusal, Section
from probes.endpoint import Endpoint, Tls

TlsWord = Literal["implicit", "starttls", "none"]


def _imap_port(fields: dict[str, Any]) -> int:
    return 993 if fields.get("tls", "implicit") == "implicit" else 143


def _smtp_port(fields: dict[str, Any]) -> int:
    return {"implicit": 465, "none": 25}.get(fields.get("tls", "starttls"), 587)


class ImapServer(Section):
    """Where a seed is read, when it is not the provider's own server."""

    host: Host
    """Host name of the IMAP server."""
    tls: TlsWord = "implicit"
    """implicit (port 993), starttls (required, port 143), or none (loopback only)."""
    port: Port = Field(default_factory=_imap_port)
    """993 with implicit TLS, else 143."""
    ca_file: CaFile | None = None
    """A private CA, to verify the server by; verification is never off."""

    def endpoint(self) -> Endpoint:
        """The server in the words of `probes`."""
        return _endpoint(self.host, self.port, self.tls, self.ca_file)


class SmtpServer(Section):
    """Where a route submits its mail."""

    host: Host
    """Host name of the SMTP server."""
    tls: TlsWord = "starttls"
    """starttls (required, port 587), implicit (port 465), or none (port 25)."""
    port: Port = Field(default_factory=_smtp_port)
    """587 with starttls, 465 with implicit, 25 with none."""
    ca_file: CaFile | None = None
    """A private CA, to verify the server by; verification is never off."""
    helo: Host | None = None
    """The name to say in EHLO; this machine's by default."""

    def endpoint(self) -> Endpoint:
        """The server in the words of `probes`."""
        return _endpoint(self.host, self.port, self.tls, self.ca_file)


def _endpoint(host: str, port: int, tls: TlsWord, ca_file: Path | None) -> Endpoint:
    return Endpoint(host, port, Tls(tls), ca_file)


def open_login(server: ImapServer | SmtpServer, at: str) -> Iterator[Refusal]:
    """The refusal of a login that would cross the network in the clear."""
    if server.tls == "none" and not is_loopback(server.host):
        yield (at, "tls"), "a login without TLS is for loopback only; write starttls or implicit"
