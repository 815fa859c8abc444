"""A receipt goes out by a real relay to real providers; we say where it landed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.observation import Fault, Placement, Severity
from probes.receipt import Template, load_template
from probes.replies import ReplyKind, classify
from probes.submission import Outcome, Stage
from tests.stories.errand import (
    bring,
    examine,
    find,
    hand_in,
    now,
    statuses,
    submission_server,
)
from tests.world.courier import await_value
from tests.world.plan import FULL, GREYLISTED, Seed
from tests.world.rspamd import JUNK_BODY, REJECT_BODY

if TYPE_CHECKING:
    from pathlib import Path

    from probes.submission import Submission
    from tests.world.world import World

PROVIDERS = ("gmail", "outlook", "yahoo")
ROUTES = ("primary", "fallback", "control")


def shop_template(folder: Path, last_words: str) -> Template:
    file = folder / "receipt.txt"
    file.write_text(f"Thank you! Your order {{{{ order_number }}}} is on its way.\n{last_words}\n")
    return load_template(text=file)


def fault_of(submission: Submission, provider: str) -> tuple[ReplyKind, Fault]:
    reply = classify(provider, submission.code, submission.enhanced, submission.text)
    return reply.kind, reply.fault


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("route", ROUTES)
async def test_a_receipt_lands_in_the_inbox_and_the_provider_agrees_with_our_checks(
    world: World, route: str, provider: str
) -> None:
    errand = await hand_in(world.seed(provider), world.routes[route])
    assert errand.submission.outcome is Outcome.ACCEPTED
    sighting = find(errand)
    assert sighting.placement is Placement.INBOX
    findings = await examine(world, sighting, errand.seed)
    assert statuses(findings) == ("pass", "pass", "pass")
    assert findings["authentication-results"].status == "agrees"
    assert findings["spf"].evidence["client_ip"] == world.routes[route].ip


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_receipt_that_the_filter_takes_for_spam_is_found_there(
    world: World, tmp_path: Path, provider: str
) -> None:
    template = shop_template(tmp_path, JUNK_BODY)
    errand = await hand_in(world.seed(provider), world.routes["primary"], template=template)
    sighting = find(errand)
    assert (sighting.placement, sighting.location.folder) == (Placement.SPAM, errand.seed.junk)


async def test_latency_runs_from_our_250_to_the_providers_received_line(world: World) -> None:
    errand = await hand_in(world.seed("outlook"), world.routes["primary"])
    sighting = find(errand)
    assert sighting.received_at is not None
    # a Received line knows whole seconds only
    assert -1 <= (sighting.received_at - errand.submission.at).total_seconds() < 60


async def test_with_spf_broken_dkim_still_carries_the_receipt_to_the_inbox(world: World) -> None:
    with world.dns.edit("shop.test", "TXT", "v=spf1 ip4:192.0.2.1 -all"):
        errand = await hand_in(world.seed("gmail"), world.routes["primary"])
        sighting = find(errand)
        findings = await examine(world, sighting, errand.seed)
    assert sighting.placement is Placement.INBOX
    assert statuses(findings) == ("fail", "pass", "pass")
    assert findings["spf"].severity is Severity.PROBLEM
    assert findings["spf"].remedy


async def test_with_the_dkim_key_gone_too_the_receipt_is_in_spam_and_dmarc_says_why(
    world: World,
) -> None:
    with (
        world.dns.edit("shop.test", "TXT", "v=spf1 ip4:192.0.2.1 -all"),
        world.dns.edit("s1._domainkey.shop.test", "TXT"),
    ):
        errand = await hand_in(world.seed("yahoo"), world.routes["primary"])
        sighting = find(errand)
        findings = await examine(world, sighting, errand.seed)
    assert sighting.placement is Placement.SPAM
    assert statuses(findings) == ("fail", "permerror", "fail")
    assert findings["dkim"].remedy


async def test_one_route_falls_into_spam_while_the_other_still_lands(world: World) -> None:
    seed, routes = world.seed("yahoo"), world.routes
    with world.rspamd.junk(route="primary", provider="yahoo"):
        primary = find(await hand_in(seed, routes["primary"]))
        fallback = find(await hand_in(seed, routes["fallback"]))
    recovered = find(await hand_in(seed, routes["primary"]))
    assert [primary.placement, fallback.placement, recovered.placement] == [
        Placement.SPAM,
        Placement.INBOX,
        Placement.INBOX,
    ]


async def test_an_unknown_address_is_the_seeds_fault(world: World) -> None:
    [gmail] = [p for p in world.plan.providers() if p.name == "gmail"]
    nobody: Seed = world.plan.seed(gmail, "nobody")
    refused = await bring(nobody, world.routes["primary"])
    assert (refused.outcome, refused.stage, refused.code, refused.enhanced) == (
        Outcome.REJECTED,
        Stage.RCPT,
        550,
        "5.1.1",
    )
    assert fault_of(refused, "gmail") == (ReplyKind.REJECT, Fault.SEED)


async def test_a_refused_text_is_the_senders_fault(world: World, tmp_path: Path) -> None:
    template = shop_template(tmp_path, REJECT_BODY)
    refused = await bring(world.seed("yahoo"), world.routes["primary"], template)
    assert (refused.outcome, refused.stage, refused.code) == (Outcome.REJECTED, Stage.DATA, 554)
    assert fault_of(refused, "yahoo") == (ReplyKind.REJECT, Fault.SENDER)


async def test_a_providers_own_refusal_passed_on_by_the_relay_is_the_senders_fault(
    world: World,
) -> None:
    reply = "550 5.7.515 Access denied, sending domain shop.test does not meet the level"
    with world.policy.answer("primary", reply):
        errand = await hand_in(world.seed("outlook"), world.routes["primary"])
    assert errand.submission.outcome is Outcome.REJECTED
    assert fault_of(errand.submission, "outlook") == (ReplyKind.REJECT, Fault.SENDER)


async def test_a_greylisted_receipt_arrives_late_and_is_found(world: World) -> None:
    world.policy.forget()
    errand = await hand_in(world.seed("gmail", GREYLISTED), world.routes["primary"])
    assert errand.submission.outcome is Outcome.ACCEPTED
    assert find(errand).placement is Placement.INBOX
    first_try = [line for line in world.relays["primary"].log().splitlines() if "450 4.7.1" in line]
    assert any(errand.seed.address in line for line in first_try)


async def test_a_full_seed_takes_the_receipt_first_and_bounces_it_then(world: World) -> None:
    before = len(world.bounces("primary"))
    errand = await hand_in(world.seed("outlook", FULL), world.routes["primary"])
    assert errand.submission.outcome is Outcome.ACCEPTED
    bounces = await_value(lambda: world.bounces("primary")[before:])
    assert any("5.2.2" in bounce.as_string() for bounce in bounces)


async def test_a_name_server_that_fails_is_a_temporary_error_of_nobody(world: World) -> None:
    errand = await hand_in(world.seed("gmail"), world.routes["control"], domain="servfail.test")
    findings = await examine(world, find(errand), errand.seed)
    assert (findings["spf"].status, findings["dmarc"].status) == ("temperror", "temperror")
    assert findings["spf"].severity is Severity.UNKNOWN


async def test_a_name_server_that_says_nothing_is_a_temporary_error_of_nobody(
    world: World,
) -> None:
    errand = await hand_in(world.seed("gmail"), world.routes["primary"])
    sighting, hole = find(errand), world.dns.black_hole
    findings = await examine(world, sighting, errand.seed, nameserver=hole, timeout_s=0.3)
    assert statuses(findings) == ("temperror", "temperror", "temperror")
    assert {findings[check].severity for check in ("spf", "dkim", "dmarc")} == {Severity.UNKNOWN}


async def test_a_relay_with_an_unknown_certificate_gets_nothing(world: World) -> None:
    route = world.routes["primary"]
    stranger = submission_server(route, world.stranger_ca)
    submission = (await hand_in(world.seed("gmail"), route, at=stranger)).submission
    assert (submission.outcome, submission.stage) == (Outcome.FAILED, Stage.TLS)
    assert "certificate" in submission.text.lower()
    assert not submission.in_doubt
    assert submission.at <= now()
