"""The wheel holds all that the service needs, and its program runs from it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from daemon import __version__

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy that holds what the image's builder gets."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("daemon", "probes"):
        ignored = shutil.ignore_patterns("__pycache__", "*.db*")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    subprocess.run(build, cwd=source, timeout=120, check=True, capture_output=True)
    [built] = (source / "dist").iterdir()
    return built


def test_the_wheel_holds_every_file_of_the_service(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    own = {
        str(path.relative_to(ROOT))
        for room in ("daemon", "probes")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".db", ".db-wal", ".db-shm"}
    }
    assert {".html", ".txt", ".css"} <= {Path(name).suffix for name in own}
    assert own - names == set()
    assert {name.split("/")[0] for name in names} == {
        "daemon",
        "probes",
        f"receiptwatch-{__version__}.dist-info",
    }


def test_the_wheels_program_runs_away_from_the_repository(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    [entry_points] = site.glob("*.dist-info/entry_points.txt")
    assert "receiptwatch = daemon.cli:main" in entry_points.read_text()
    program = (
        "import sys, daemon.cli; assert daemon.cli.__file__.startswith(sys.argv[1]), daemon.cli;"
        "sys.argv[1:] = ['config', 'schema']; daemon.cli.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program, str(site)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["type"] == "object"
