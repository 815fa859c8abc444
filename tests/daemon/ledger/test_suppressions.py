"""A shop's suppression list: by address, its domain in any case, and never another shop's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.ledger import suppressions
from daemon.ledger.suppressions import Suppression
from tests.daemon.ledger.samples import MINUTE, NOON

if TYPE_CHECKING:
    from daemon.ledger import Ledger

ANN = Suppression("tea", "Ann@gmail.example", "user unknown", NOON, "bounce", "mail-1")


async def test_an_address_is_held_in_any_case_of_its_domain_by_its_own_shop(
    ledger: Ledger,
) -> None:
    async with ledger.write() as conn:
        assert await suppressions.add(conn, replace(ANN, address="Ann@GMAIL.Example"))
        assert await suppressions.holds(conn, "tea", "Ann@gmail.EXAMPLE")
        assert not await suppressions.holds(conn, "tea", "ann@gmail.example")
        assert not await suppressions.holds(conn, "coffee", "Ann@gmail.example")
        assert await suppressions.all(conn, shop="tea") == [ANN]
        assert await suppressions.all(conn, shop="coffee") == []


async def test_who_was_first_on_the_list_stays_as_he_is(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        assert await suppressions.add(conn, ANN)
        later = replace(ANN, reason="asked", by="sara", since=NOON + MINUTE, mail=None)
        assert not await suppressions.add(conn, later)
        assert await suppressions.all(conn) == [ANN]


async def test_an_address_is_taken_off_once_and_from_one_list_only(ledger: Ledger) -> None:
    async with ledger.write() as conn:
        await suppressions.add(conn, ANN)
        await suppressions.add(conn, replace(ANN, shop="coffee", since=NOON + MINUTE))
        assert [row.shop for row in await suppressions.all(conn)] == ["coffee", "tea"]
        assert await suppressions.remove(conn, "tea", "Ann@GMAIL.example")
        assert not await suppressions.remove(conn, "tea", "Ann@gmail.example")
        assert await suppressions.holds(conn, "coffee", "Ann@gmail.example")
        assert not await suppressions.holds(conn, "tea", "Ann@gmail.example")
