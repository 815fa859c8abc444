"""From the settings to the terms on which mail is taken in."""

from __future__ import annotations

import shutil
import socket
import ssl
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from daemon.intake import terms
from probes.endpoint import Tls

if TYPE_CHECKING:
    from daemon.settings import Settings, Shop
    from daemon.settings.intake import Intake, Listener, ShopIntake

LOW = 0.1
"""The share of a disk below which it is called nearly full …"""
ENOUGH = 10_000_000_000
"""… unless so many bytes are free all the same: a tenth of a large disk is no emergency."""
LOOK_EVERY_S = 1.0


def terms_of(settings: Settings, intake: Intake, folder: Path) -> terms.Terms:
    """The terms; unfinished large messages lie in `folder`.

    Raises ValueError when a certificate, key or hash cannot be read.
    """
    return terms.Terms(
        hostname=intake.hostname or socket.getfqdn(),
        listeners=tuple(_listener(listener) for listener in intake.listen),
        shops=tuple(_shop(shop) for shop in settings.shops),
        limits=terms.Limits(
            message_bytes=intake.max_message_mb * terms.MEGABYTE,
            connections=intake.connections,
            connections_per_ip=intake.connections_per_ip,
            idle_s=intake.idle.total_seconds(),
        ),
        folder=folder,
    )


def _listener(listener: Listener) -> terms.Listener:
    address = listener.address
    return terms.Listener(address.host, address.port, Tls(listener.tls), _context(listener))


def _context(listener: Listener) -> ssl.SSLContext | None:
    if not (listener.cert_file and listener.key_file):
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(listener.cert_file, listener.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"{listener.cert_file} and its key cannot be used: {error}") from error
    return context


def _shop(shop: Shop) -> terms.Shop:
    told = shop.intake
    if told is None:  # its bounces may come all the same
        return terms.Shop(shop.name)
    return terms.Shop(
        name=shop.name,
        relays=told.mode == "relay",
        senders=frozenset(shop.sender_domains),
        login=_login(told),
        networks=told.networks,
        copy_to=told.copy_to,
        per_minute=told.messages_per_minute,
    )


def _login(told: ShopIntake) -> terms.Login | None:
    secret = told.read_password_hash()
    if told.username is None or secret is None:
        return None
    return terms.Login(told.username, secret.get_secret_value())


class Disk:
    """Whether the disk that holds the mail is nearly full; looks once a second at the most."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        file = url.database if url.drivername == "sqlite" else None
        self.folder = Path(file).parent if file else Path(tempfile.gettempdir())
        self._looked = float("-inf")
        self._low = False

    def low(self) -> bool:
        """Whether less than a tenth of it is free."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            usage = shutil.disk_usage(self.folder)
            self._looked, self._low = now, usage.free < min(LOW * usage.total, ENOUGH)
        return self._low
