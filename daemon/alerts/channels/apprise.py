"""Any of Apprise's services, where the optional package `apprise` is installed.

It has no idempotency key: after a crash or a lost answer, at most one duplicate.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

from daemon.alerts.channel import Channel, ChannelSettings, Receipt, Undeliverable
from daemon.alerts.secret_file import SecretFile, secret_in

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.notice import Notice

TIMEOUT_S = 30.0


class AppriseSettings(ChannelSettings):
    """A service as Apprise writes it."""

    url_file: SecretFile
    """File that holds the service's Apprise URL alone; it has the service's secrets in it."""


async def deliver(notice: Notice, settings: AppriseSettings, _: httpx2.AsyncClient) -> Receipt:
    """Hand subject and text to Apprise, which is synchronous, in a thread."""
    library, url = _library(), secret_in(settings.url_file)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            taken = await asyncio.to_thread(_notify, library, url, notice)
    except TimeoutError:
        sentence = f"Apprise's service did not answer within {TIMEOUT_S:.0f} seconds."
        problem = Undeliverable(sentence, in_doubt=True)
    except Exception as error:  # noqa: BLE001 - 170 services raise what they like
        problem = Undeliverable(
            f"Apprise's service failed ({type(error).__name__}).", in_doubt=True
        )
    else:
        if taken:
            return Receipt()
        problem = Undeliverable("Apprise's service did not take the notice.", in_doubt=True)
    raise problem


CHANNEL = Channel("apprise", AppriseSettings, deliver, deduplicates=False)


def _library() -> Any:  # noqa: ANN401 - an optional package, not there for the type checker
    try:
        return importlib.import_module("apprise")
    except ImportError:
        sentence = "Apprise is not installed; run: pip install 'receiptwatch[apprise]'."
        raise Undeliverable(sentence, permanent=True) from None


def _notify(library: Any, url: str, notice: Notice) -> bool:  # noqa: ANN401 - as above
    service = library.Apprise()
    if not service.add(url):
        raise ValueError("not a URL that Apprise knows")
    return bool(service.notify(title=notice.subject, body=notice.text))
