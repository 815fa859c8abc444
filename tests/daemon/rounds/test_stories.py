"""What a notice tells is what the ledger knows at this moment, in names that people use."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daemon.alerts.speech import Reader
from daemon.alerts.story import Cause, Counts, Digest, Effect, OtherRoutes, Story
from daemon.alerts.wording import render
from daemon.ledger import findings, notices
from daemon.lifecycles.probe import ProbeState
from daemon.rounds.stories import Names, subject_of
from daemon.rulings.attribution import Cause as Ruled
from probes.observation import Finding, Placement, Severity
from tests.daemon.ledger.samples import plant
from tests.daemon.ledger.watch_samples import opened, planned
from tests.daemon.rounds.reception import NAMES, since

if TYPE_CHECKING:
    from daemon.alerts.story import Subject
    from daemon.rounds.surroundings import Surroundings


async def told(around: Surroundings, kind: str = "opened", **incident: Any) -> Story:
    """The story of one incident."""
    now = around.clock.now()
    async with around.ledger.write() as conn:
        row = await opened(conn, **{"opened_at": now, "changed_at": now, **incident})
        key = await planned(conn, row.id, kind=kind, at=now)
    subject = await told_by(around, key)
    assert isinstance(subject, Story)
    assert render(subject, Reader("fa", "Asia/Tehran"), key=key).text
    return subject


async def told_by(around: Surroundings, key: str) -> Subject:
    async with around.ledger.read() as conn:
        notice = await notices.get(conn, key)
        assert notice
        return await subject_of(conn, notice, NAMES, around.clock.now())


async def test_names_are_those_that_people_know(around: Surroundings) -> None:
    story = await told(around)
    assert (story.shop, story.provider, story.route) == ("Saffron Tea", "Gmail", "relay")
    assert Names().shop("tea") == "tea"
    assert Names().provider("gmail") == "gmail"


async def test_every_cause_that_is_ever_ruled_can_be_told(around: Surroundings) -> None:
    for cause in Ruled:
        assert (await told(around, cause=cause)).cause.value == cause.value


@pytest.mark.parametrize(
    ("fate", "effect", "cause"),
    [
        ("spam", Effect.SPAM, Cause.ROUTE),
        ("missing", Effect.MISSING, Cause.ROUTE),
        ("late", Effect.LATE, Cause.ROUTE),
        ("unsent", Effect.REFUSED, Cause.REFUSED),
        (None, Effect.MISSING, Cause.ROUTE),
    ],
)
async def test_the_bad_ones_fate_says_what_happens(
    around: Surroundings, fate: str | None, effect: Effect, cause: Cause
) -> None:
    story = await told(around, facts={**since(around.clock.now()), "fate": fate})
    assert (story.effect, story.cause) == (effect, cause)


async def test_what_arrives_unproven_is_no_loss(around: Surroundings) -> None:
    facts = {**since(around.clock.now()), "fate": "inbox"}
    assert (await told(around, cause="authentication", facts=facts)).effect is Effect.UNPROVEN


async def test_counts_are_told_only_while_the_last_ones_all_fared_badly(
    around: Surroundings,
) -> None:
    facts = since(around.clock.now())
    assert (await told(around, facts=facts)).counts == Counts(2, 3, 3, 200)
    assert (await told(around, facts={**facts, "last_bad": 1})).counts == Counts(1, 3, 1, 200)
    assert (await told(around, facts={**facts, "last_bad": 0})).counts is None


@pytest.mark.parametrize(
    ("lands", "word"),
    [(True, OtherRoutes.LAND), (False, OtherRoutes.FAIL), (None, OtherRoutes.UNKNOWN)],
)
async def test_how_the_other_route_fares(
    around: Surroundings, lands: object, word: OtherRoutes
) -> None:
    facts = {**since(around.clock.now()), "other_lands": lands}
    assert (await told(around, facts=facts)).other_routes is word


async def test_the_findings_of_the_evidence_say_what_to_do(around: Surroundings) -> None:
    now = around.clock.now()
    evidence = {"d": "tea.example", "s": "s1", "failed": ["key"]}
    broken = Finding("dkim", "permerror", Severity.PROBLEM, "No key.", evidence)
    async with around.ledger.write() as conn:
        probe, other = await plant(conn), await plant(conn)
        await findings.add(conn, shop="tea", at=now, findings=[broken], probe=probe)
        await findings.add(conn, shop="tea", at=now, findings=[broken], probe=other)
    story = await told(around, cause="authentication", evidence=(probe,))
    assert story.findings == (broken,)
    text = render(story, Reader("en", "UTC"), key="rw-1").text
    assert "s1._domainkey.tea.example TXT" in text


async def test_a_server_that_refuses_is_quoted(around: Surroundings) -> None:
    async with around.ledger.write() as conn:
        probe = await plant(conn, ProbeState.UNSENT, smtp_text="5.7.1 Blocked", smtp_code=550)
    facts = {**since(around.clock.now()), "fate": "unsent"}
    assert (await told(around, facts=facts, evidence=(probe,))).reply == "5.7.1 Blocked"


async def test_solved_says_how_many_were_sent_and_hit_in_between(around: Surroundings) -> None:
    begin = around.clock.now()
    within = {"planned_at": begin + timedelta(minutes=9), "shop": "tea", "route": "relay"}
    async with around.ledger.write() as conn:
        for placement in (Placement.SPAM, Placement.SPAM, Placement.INBOX, Placement.TAB):
            await plant(conn, ProbeState.SIGHTED, first_placement=placement, **within)
        await plant(conn, ProbeState.OVERDUE, placement=Placement.MISSING, **within)
        await plant(conn, ProbeState.UNSENT, **within)
        await plant(conn, ProbeState.UNOBSERVED, placement=Placement.UNOBSERVED, **within)
        await plant(conn, ProbeState.SUBMITTED, **within)
        later = within | {"planned_at": begin + timedelta(hours=9)}
        await plant(conn, ProbeState.SIGHTED, first_placement=Placement.SPAM, **later)
        other = within | {"route": "backup"}
        await plant(conn, ProbeState.SIGHTED, first_placement=Placement.SPAM, **other)
    until = begin + timedelta(hours=1)
    story = await told(around, "resolved", facts=since(begin), resolved_at=until, state="resolved")
    assert (story.since, story.until, story.probes, story.hit) == (begin, until, 6, 4)


async def test_a_digest_names_the_shop_when_all_are_of_one(around: Surroundings) -> None:
    async with around.ledger.write() as conn:
        tea = [(await opened(conn)).id for _ in range(12)]
        silk = (await opened(conn, shop="silk")).id
        one = await planned(conn, *tea)
        several = await planned(conn, *tea, silk)
    digest, mixed = await told_by(around, one), await told_by(around, several)
    assert isinstance(digest, Digest)
    assert isinstance(mixed, Digest)
    assert (digest.shop, digest.total, len(digest.stories)) == ("Saffron Tea", 12, 10)
    assert (mixed.shop, mixed.total) == (None, 13)


async def test_what_is_no_longer_on_record_is_said_to_be_so(around: Surroundings) -> None:
    async with around.ledger.write() as conn:
        key = await planned(conn, "i-0")
    with pytest.raises(LookupError, match="no longer on record"):
        await told_by(around, key)


async def test_a_cause_that_turned_back_meanwhile_is_not_told_against_itself(
    around: Surroundings,
) -> None:
    now = around.clock.now()
    async with around.ledger.write() as conn:
        row = await opened(conn, cause="route")
        await planned(conn, row.id, cause="route", at=now - timedelta(minutes=9))
        key = await planned(conn, row.id, kind="cause_changed", cause="provider", at=now)
    story = await told_by(around, key)
    assert isinstance(story, Story)
    assert (story.cause, story.was) == (Cause.ROUTE, None)


async def test_what_came_back_is_told(around: Surroundings) -> None:
    story = await told(around, provider="gmail", facts={"bounces": 3, "fate": None})
    assert story.returned == 3
    said = render(story, Reader("en", "UTC"), key="key").text
    assert "3 order receipts came back from Gmail, and not for their addresses' fault." in said
