"""The sign of life that leaves the house: when it stops, somebody outside raises the alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.alerts.channel import Undeliverable
from daemon.alerts.exchange import ask, demand_success, protected

if TYPE_CHECKING:
    import httpx2

WHOM = "The dead man's switch"


async def ping(url: str, http: httpx2.AsyncClient) -> None:
    """GET `url` once; raises Undeliverable. The URL is a secret and stands in no error."""
    try:
        protected(url)
    except ValueError as error:
        raise Undeliverable(f"The ping's address {error}.", permanent=True) from None
    demand_success(await ask(http, "GET", url, whom=WHOM), WHOM)
