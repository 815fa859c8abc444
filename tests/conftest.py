"""The fixtures that every test may ask for: a real PostgreSQL and the real mail world."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.world import postgres
from tests.world import world as real_world

if TYPE_CHECKING:
    from collections.abc import Iterator


def unavailable(reason: str) -> NoReturn:
    """Skip for want of a real server; where CI=true, that is an error."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true: nothing may be skipped)")
    pytest.skip(reason)


def pytest_configure() -> None:
    """Let SIGTERM end the tests as Ctrl-C does, so that every server is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs real servers by the fixtures it asks for."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if _asks_for_the_real_world(item):
            item.add_marker("world")
        if "postgres_cluster" in names:
            item.add_marker("postgres")


def _asks_for_the_real_world(item: pytest.Item) -> bool:
    """Whether its `world` is the fixture below; the demo's world needs no real servers."""
    info = getattr(item, "_fixtureinfo", None)
    found = info.name2fixturedefs.get("world") if info else None
    return found is not None and found[-1].baseid == "tests"


@pytest.fixture(scope="session")
def world() -> Iterator[real_world.World]:
    """The real mail world, started once; every edit of it must be taken back by its test."""
    reason = real_world.unfit()
    if reason:
        unavailable(f"the real mail world: {reason}")
    running = real_world.start()
    yield running
    assert not running.stop(), "these processes outlived the mail world"


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    programs = postgres.binaries()
    if programs is None:
        unavailable("PostgreSQL is not installed; `make world-packages` installs it")
    cluster = postgres.Cluster.start(programs)
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """The URL (`postgresql://…`, no driver named) of an empty database of this test's own."""
    name = postgres_cluster.create()
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)
