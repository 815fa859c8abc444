"""What holds for any rota, any incidents and any hour, over two simulated days."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.rulings.alerting import Contact, Incident, Kind, Policy, QuietHours
from tests.daemon.alerts.duty import Duty, minutes

if TYPE_CHECKING:
    from collections.abc import Callable

# Both changes of the clocks, and a day without one; Lord Howe's is half an hour.
DAYS = [
    datetime(2026, 3, 28, 6, tzinfo=UTC),
    datetime(2026, 10, 24, 6, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
]
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tehran", "Australia/Lord_Howe", "UTC"]
SHOPS = ["saffron", "cedar", "tulip"]
STEP = 15
TICKS = 48 * 60 // STEP

hours = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
quiet = st.none() | st.builds(QuietHours, hours, hours)


@st.composite
def rotas(draw: Callable[..., object]) -> list[Contact]:
    contact = st.builds(
        Contact,
        name=st.just(""),
        language=st.just("en"),
        zone=st.sampled_from(ZONES),
        channel=st.sampled_from(["email", "sms"]),
        shops=st.frozensets(st.sampled_from(SHOPS)),
        rank=st.integers(0, 2),
        operator=st.booleans(),
        quiet=quiet,
        wakes=st.booleans(),
        gap=st.sampled_from([timedelta(0), minutes(20), minutes(60)]),
    )
    found = draw(st.lists(contact, min_size=1, max_size=4))
    assert isinstance(found, list)
    return [replace(c, name=f"contact-{n}") for n, c in enumerate(found)]


# When a life happens, in ticks after the start: opens, is acknowledged, ends, relapses.
lives = st.tuples(
    st.integers(0, TICKS),
    st.none() | st.integers(0, 20),
    st.none() | st.integers(1, 40),
    st.none() | st.integers(1, 40),
    st.sampled_from(SHOPS),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(["route", "content", "provider"]), min_size=1, max_size=4),
)
Life = tuple[int, int | None, int | None, int | None, str, bool, bool, list[str]]


def at_tick(number: int, life: Life, start: datetime, tick: int) -> Incident | None:
    """The incident of `life` as it stands at `tick`."""
    opens, acknowledged, ends, relapses, shop, critical, seed, causes = life
    if tick < opens:
        return None
    now = start + minutes(tick * STEP)
    end = None if ends is None else opens + ends
    again = None if end is None or relapses is None else end + relapses
    relapsed = again is not None and tick >= again
    acked = acknowledged is not None and not relapsed and tick >= opens + acknowledged
    return Incident(
        f"i-{number}",
        shop,
        start + minutes((again or 0) * STEP) if relapsed else start + minutes(opens * STEP),
        causes[tick % len(causes)],
        episode=2 if relapsed else 1,
        critical=critical,
        for_operator=seed,
        acknowledged_at=now if acked else None,
        resolved_at=now if end is not None and tick >= end and not relapsed else None,
    )


def lived(rota: list[Contact], histories: list[Life], start: datetime) -> Duty:
    duty = Duty(rota, Policy(cap=4), now=start - minutes(STEP))
    for tick in range(TICKS):
        for number, life in enumerate(histories):
            if known := at_tick(number, life, start, tick):
                duty.put(known)
        duty.tick(STEP)
    return duty


def check_cap(duty: Duty) -> None:
    for contact in duty.contacts:
        times = [at for at, n in duty.sent if n.contact == contact.name]
        for first in times:
            hour = [at for at in times if first <= at < first + timedelta(hours=1)]
            assert len(hour) <= duty.policy.cap


def check_ends_follow_openings(duty: Duty) -> None:
    opened: set[tuple[str, str, int]] = set()
    for line in duty.log:
        place = (line.contact, line.about, line.episode)
        if line.kind in {Kind.OPENED, Kind.ESCALATED}:
            assert place not in opened
            opened.add(place)
        elif line.kind is not Kind.OPERATOR:
            assert place in opened


def check_keys(duty: Duty) -> None:
    assert all(count == 1 for count in Counter(n.key for _, n in duty.sent).values())


def check_peace(duty: Duty) -> None:
    by_name = {c.name: c for c in duty.contacts}
    for at, notice in duty.sent:
        contact = by_name[notice.contact]
        if contact.quiet and is_night(at, contact):
            assert contact.wakes
            assert notice.kind in {Kind.OPENED, Kind.ESCALATED}
            assert all(duty.incidents[about].critical for about in notice.about)


def is_night(at: datetime, contact: Contact) -> bool:
    """Walks the wall clock minute by minute instead of comparing ends."""
    assert contact.quiet
    wall = at.astimezone(ZoneInfo(contact.zone))
    minute, end = (t.hour * 60 + t.minute for t in (contact.quiet.start, contact.quiet.end))
    night = set()
    while minute != end:
        night.add(minute)
        minute = (minute + 1) % 1440
    return wall.hour * 60 + wall.minute in night


def check_gap(duty: Duty) -> None:
    for contact in duty.contacts:
        sent = [(at, n) for at, n in duty.sent if n.contact == contact.name]
        for (before, _), (at, notice) in pairwise(sent):
            calm = not any(duty.incidents[a].critical for a in notice.about)
            assert not calm or at - before >= contact.gap


def check_seeds_are_the_operators(duty: Duty) -> None:
    by_name = {c.name: c for c in duty.contacts}
    for line in duty.log:
        if duty.incidents[line.about].for_operator:
            assert by_name[line.contact].operator
        else:
            assert duty.incidents[line.about].shop in by_name[line.contact].shops


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rotas(), st.lists(lives, max_size=8), st.sampled_from(DAYS))
def test_whatever_happens_the_promises_hold(
    rota: list[Contact], histories: list[Life], start: datetime
) -> None:
    duty = lived(rota, histories, start)
    check_cap(duty)
    check_ends_follow_openings(duty)
    check_keys(duty)
    check_peace(duty)
    check_gap(duty)
    check_seeds_are_the_operators(duty)


@pytest.mark.parametrize("start", DAYS)
def test_a_storm_is_told_whole_within_the_promises(start: datetime) -> None:
    rota = [
        Contact("sara", "en", "Europe/Berlin", "email", frozenset(SHOPS)),
        Contact(
            "omar",
            "ar",
            "Asia/Tehran",
            "sms",
            frozenset(SHOPS),
            quiet=QuietHours(time(21), time(6, 30)),
        ),
    ]
    storm: list[Life] = [
        (n % 40, None, None, None, SHOPS[n % 3], n % 5 == 0, False, ["route"]) for n in range(300)
    ]
    duty = lived(rota, storm, start)
    check_cap(duty)
    check_keys(duty)
    check_peace(duty)
    for name in ("sara", "omar"):
        assert {line.about for line in duty.log if line.contact == name} == set(duty.incidents)
