"""Opt-in: one full round through real routes into real mailboxes (see README.md)."""

from __future__ import annotations

import os
from typing import Any

import pytest
import pytest_asyncio

from tests.stories.programs import receiptwatch

CONFIG = os.environ.get("RECEIPTWATCH_LIVE_CONFIG")

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not CONFIG, reason="RECEIPTWATCH_LIVE_CONFIG names no settings file"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checked() -> dict[str, Any]:
    ended = await receiptwatch("check", "--json", "--config", str(CONFIG))
    assert ended.code in {0, 1}, ended.err
    found: dict[str, Any] = ended.json
    return found


@pytest.mark.asyncio(loop_scope="module")
async def test_every_mailbox_can_be_read_with_its_spam(checked: dict[str, Any]) -> None:
    assert [proof for proof in checked["inboxes"] if not proof["readable"]] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_every_receipt_is_found_somewhere_in_time(checked: dict[str, Any]) -> None:
    states = {probe["seed"]: probe["state"] for probe in checked["probes"]}
    assert set(states.values()) == {"sighted"}, states


@pytest.mark.asyncio(loop_scope="module")
async def test_the_checks_can_be_made_on_what_arrived(checked: dict[str, Any]) -> None:
    for probe in checked["probes"]:
        made = {finding["check"]: finding["status"] for finding in probe["findings"]}
        assert made["spf"] != "not evaluable", (probe["seed"], made)
        assert made["dkim"] != "not evaluable", (probe["seed"], made)
