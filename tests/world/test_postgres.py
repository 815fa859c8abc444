"""The throwaway PostgreSQL: real, empty for every test, gone afterwards."""

from __future__ import annotations

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.world import postgres

pytestmark = pytest.mark.postgres


async def tables_after_adding_one(url: str) -> list[str]:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE leftover (a int)"))
        names = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
    await engine.dispose()
    return list(names.scalars())


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_every_test_gets_an_empty_database(turn: str, postgres_url: str) -> None:
    assert await tables_after_adding_one(postgres_url) == ["leftover"], turn


def test_a_stopped_cluster_leaves_no_process_and_no_folder(
    postgres_cluster: postgres.Cluster,
) -> None:
    cluster = postgres.Cluster.start(postgres_cluster.programs)
    assert cluster.server
    family = cluster.server.family()
    assert len(family) > 1
    cluster.stop()
    assert not [process for process in family if psutil.pid_exists(process.pid)]
    assert not cluster.folder.exists()
