from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.alerts import exchange
from daemon.demo.pki import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import httpx2


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
async def http(authority: Authority) -> AsyncIterator[httpx2.AsyncClient]:
    async with exchange.client(authority.ca_file) as client:
        yield client


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a secret's file and returns its path."""

    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / f"secret-{len(list(tmp_path.iterdir()))}"
        path.write_text(f"{text}\n", "utf-8")
        path.chmod(mode)
        return path

    return write
