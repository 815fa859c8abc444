"""Sends and finds mail by the standard library alone: the world's proof must not need our code."""

from __future__ import annotations

import smtplib
import ssl
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email import policy as email_policy
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, TypeVar

from imapclient import IMAPClient

from tests.world.plan import SMTP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.world.plan import Provider, Route, Seed

ARRIVAL_SECONDS = 20.0
Value = TypeVar("Value")
MARK = "X-Mark"
PLAIN_BODY = "Thank you for your order. Total: 12.00 EUR."


@dataclass(frozen=True, slots=True)
class Found:
    """A message in a mailbox."""

    folder: str
    message: EmailMessage

    @property
    def verdicts(self) -> dict[str, str]:
        """Method to result, from the provider's own Authentication-Results."""
        words = str(self.message["Authentication-Results"]).replace(";", " ").split()
        pairs = [word.split("=", 1) for word in words if "=" in word]
        return {method: result for method, result in pairs if method in {"spf", "dkim", "dmarc"}}


def trust(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


def letter(sender: str, recipient: str, body: str = PLAIN_BODY) -> tuple[str, EmailMessage]:
    """A message and the mark to find it by."""
    mark = uuid.uuid4().hex
    message = EmailMessage()
    message["From"] = f"Shop <{sender}>"
    message["To"] = recipient
    message["Subject"] = "Your receipt"
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mark}@{sender.partition('@')[2]}>"
    message[MARK] = mark
    message.set_content(body)
    return mark, message


def send(route: Route, recipient: str, body: str = PLAIN_BODY) -> str:
    """Submit a message by a route; returns its mark."""
    mark, message = letter(route.sender, recipient, body)
    with smtplib.SMTP(route.ip, route.port, timeout=10) as session:
        session.starttls(context=trust(route.ca_file))
        session.login(route.username, route.password)
        session.send_message(message, route.mail_from)
    return mark


def send_directly(route: Route, provider: Provider, user: str, body: str = PLAIN_BODY) -> str:
    """Bring a message to the provider's MX ourselves, from the route's address but unsigned."""
    mark, message = letter(route.sender, provider.address(user), body)
    from_route = (route.ip, 0)
    with smtplib.SMTP(provider.ip, SMTP, timeout=10, source_address=from_route) as session:
        session.send_message(message, route.mail_from)
    return mark


@contextmanager
def mailbox(seed: Seed) -> Iterator[IMAPClient]:
    """A logged-in IMAP connection."""
    context = trust(seed.ca_file)
    with IMAPClient(seed.host, seed.tls_port, ssl_context=context, timeout=10) as client:
        client.login(seed.address, seed.password)
        yield client


def find(seed: Seed, mark: str) -> Found:
    """Wait for a message in any folder; fails when it does not arrive."""
    with mailbox(seed) as client:
        folders = [name for flags, _, name in client.list_folders() if b"\\Noselect" not in flags]
        found = await_value(lambda: _look(client, folders, mark))
    assert found, f"no message {mark} at {seed.address} after {ARRIVAL_SECONDS} s"
    return found


def _look(client: IMAPClient, folders: list[str], mark: str) -> Found | None:
    for folder in folders:
        client.select_folder(folder, readonly=True)
        for uid in client.search(["HEADER", MARK, mark]):
            raw = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
            return Found(folder, message_from_bytes(raw, policy=email_policy.default))
    return None


def await_value(look: Callable[[], Value], seconds: float = ARRIVAL_SECONDS) -> Value:
    """What `look` answers once it is true, or at last when time is up."""
    deadline = time.monotonic() + seconds
    while not (value := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value
