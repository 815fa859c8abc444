"""The main job as an owner runs it, on real Postfix, rspamd, Dovecot and nsd."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import yaml

from tests.stories.programs import address, change, receiptwatch, running, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.world import World

ALL_PASS = {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
QUICK = {"primary": "20m", "fallback": "20m", "control": "20m", "deadline": "5s", "jitter": 0.0}


def only(settings: Path, *seeds: str) -> None:
    """Leave only these seeds in the settings file."""
    known = yaml.safe_load(settings.read_text())["seeds"]
    change(settings, seeds=[seed for seed in known if seed["name"] in seeds])


def statuses(probe: dict[str, Any]) -> dict[str, str]:
    return {f["check"]: f["status"] for f in probe["findings"] if f["check"] in ALL_PASS}


async def status_of(url: str, route: str) -> list[dict[str, Any]]:
    """The strips of one route's lanes, flattened, from the status page's JSON."""
    async with httpx2.AsyncClient(timeout=10) as http:
        lanes = (await http.get(f"{url}/status.json")).json()["lanes"]
    return [mark for lane in lanes if lane["route"] == route for mark in lane["strip"]]


async def test_check_tries_every_login_and_route_and_sees_every_receipt(
    world: World, tmp_path: Path
) -> None:
    checked = await receiptwatch("check", "--json", "--config", world.settings(tmp_path))
    assert checked.code == 0, checked.out + checked.err
    assert len(checked.json["inboxes"]) == 9
    assert all("Spam can be read" in proof["said"] for proof in checked.json["inboxes"])
    probes = checked.json["probes"]
    assert len(probes) == 27
    assert {probe["placement"] for probe in probes} == {"inbox"}
    assert all(statuses(probe) == ALL_PASS for probe in probes)
    assert all(probe["latency_s"] is not None for probe in probes)


async def test_check_shows_people_a_table(world: World, tmp_path: Path) -> None:
    settings = world.settings(tmp_path)
    only(settings, "gmail-probe1")
    checked = await receiptwatch("check", "--config", settings)
    assert checked.code == 0
    assert "✓ inbox" in checked.out
    assert "Spam can be read" in checked.out


async def test_a_probe_says_that_one_route_falls_into_spam_at_one_provider(
    world: World, tmp_path: Path
) -> None:
    settings = world.settings(tmp_path)
    with world.rspamd.junk(route="primary", provider="yahoo"):
        probed = await receiptwatch(
            "probe", "--now", "--seed", "yahoo-probe1", "--json", "--config", settings
        )
    assert probed.code == 1
    placed = {probe["route"]: probe["placement"] for probe in probed.json["probes"]}
    assert placed == {"primary": "spam", "fallback": "inbox", "control": "inbox"}


async def test_a_locked_mailbox_is_left_alone_after_two_tries_and_nothing_counts_as_missing(
    world: World, tmp_path: Path
) -> None:
    settings = world.settings(tmp_path, cadence=QUICK)
    only(settings, "outlook-probe2")
    seed = next(s for s in world.seeds if (s.provider, s.user) == ("outlook", "probe2"))
    password_file = tmp_path / f"{seed.address}.password"
    password_file.write_text("not the password\n")
    change(settings, listen={"console": "127.0.0.1:18025", "metrics": "127.0.0.1:19725"})
    pages = address(settings, "console")
    tries = re.compile(
        rf"{re.escape(seed.address)}.*(?:Password mismatch|auth failed)", re.IGNORECASE
    )
    before = len(tries.findall(world.dovecot["outlook"].log()))
    async with running(settings):

        async def unobserved() -> bool:
            marks = await status_of(pages, "primary")
            return bool(marks) and all(m["placement"] == "unobserved" for m in marks)

        await until(unobserved, within_s=90)
        refused = len(tries.findall(world.dovecot["outlook"].log())) - before
        async with httpx2.AsyncClient() as http:
            [box] = (await http.get(f"{pages}/status.json")).json()["mailboxes"]
        assert box["state"] == "stopped"
        password_file.write_text(f"{seed.password}\n")
        async with httpx2.AsyncClient() as http:
            assert (await http.post(f"{address(settings, 'metrics')}/-/reload")).status_code == 200

        async def found_at_last() -> bool:
            marks = await status_of(pages, "primary")
            return bool(marks) and all(m["placement"] == "inbox" for m in marks)

        await until(found_at_last, within_s=90)
    assert 1 <= refused <= 4  # two logins; Dovecot may write two lines for each
    again = len(tries.findall(world.dovecot["outlook"].log())) - before
    assert again == refused


async def test_mail_that_was_deferred_is_late_and_not_missing(world: World, tmp_path: Path) -> None:
    settings = world.settings(tmp_path, cadence=QUICK | {"deadline": "2s"})
    only(settings, "gmail-probe1")
    change(settings, listen={"console": "127.0.0.1:18125", "metrics": "127.0.0.1:19825"})
    pages = address(settings, "console")

    async def all_are(state: str) -> bool:
        marks = await status_of(pages, "primary")
        return bool(marks) and all(m["state"] == state for m in marks)

    async with running(settings):
        with world.policy.answer("gmail", "450 4.2.0 Come back later"):
            await until(partial(all_are, "overdue"))
            [mark] = await status_of(pages, "primary")
            assert mark["placement"] == "missing"
        await until(partial(all_are, "sighted"))
        [mark] = await status_of(pages, "primary")
    assert mark["placement"] == "inbox"


async def test_a_receipt_that_the_provider_moves_into_spam_later_is_seen_moving(
    world: World, tmp_path: Path
) -> None:
    settings = world.settings(tmp_path, cadence=QUICK)
    only(settings, "outlook-probe3")
    change(settings, listen={"console": "127.0.0.1:18225", "metrics": "127.0.0.1:19925"})
    pages, metrics = address(settings, "console"), address(settings, "metrics")
    seed = next(s for s in world.seeds if (s.provider, s.user) == ("outlook", "probe3"))
    dovecot = world.dovecot["outlook"]
    async with running(settings):

        async def placed(where: str) -> bool:
            marks = await status_of(pages, "primary")
            return bool(marks) and all(m["placement"] == where for m in marks)

        await until(lambda: placed("inbox"))
        await asyncio.to_thread(
            dovecot.doveadm, "move", "-u", seed.address, seed.junk, "mailbox", "INBOX", "all"
        )
        await until(lambda: placed("spam"))
        async with httpx2.AsyncClient() as http:
            text = (await http.get(f"{metrics}/metrics")).text
    moved = re.search(r'probe_moves_total\{placement="spam".*route="primary".*\} ([\d.]+)', text)
    assert moved
    assert float(moved[1]) == 1


pytestmark = pytest.mark.world
