"""What a person does about the addresses that a shop writes to no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.desk.refusal import NotDone
from daemon.ledger import suppressions
from daemon.ledger.suppressions import Suppression
from probes.address import AddressError, check_address

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

LONGEST_REASON = 500


async def suppress(
    conn: AsyncConnection, shop: str, address: str, *, reason: str, at: datetime, by: str
) -> Suppression:
    """Have the shop write to the address no more; raises NotDone."""
    row = Suppression(shop, _checked(address), reason[:LONGEST_REASON], since=at, by=by)
    if not await suppressions.add(conn, row):
        raise NotDone(f"{row.address} is on the list of {shop} already.")
    return row


async def unsuppress(conn: AsyncConnection, shop: str, address: str) -> str:
    """Let the shop write to the address again; raises NotDone."""
    checked = _checked(address)
    if not await suppressions.remove(conn, shop, checked):
        raise NotDone(f"{checked} is not on the list of {shop}.")
    return checked


def _checked(address: str) -> str:
    try:
        return check_address(address)
    except AddressError as error:
        raise NotDone(str(error)) from None
