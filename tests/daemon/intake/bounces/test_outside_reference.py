"""Recipients on bounces that we did not write: the test data in flufl.bounce's own sdist.

What we ask flufl.bounce itself for is among them, so the figure is given without it, too. Entries
without an address are of messages that one of its detectors must pass over, and are left out.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from daemon.intake.bounces import outside
from daemon.intake.bounces.reading import read_bounce
from daemon.intake.bounces.verdict import Bounce, BounceKind
from tests.probes.test_conformance import fetch

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.index


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetch("flufl.bounce==6.0.0", tmp_path_factory.mktemp("sdist")) / "tests"


def expected(suite: Path) -> dict[str, tuple[set[str], bool]]:
    """By file: the addresses that its detectors must find, and whether it is only a warning."""
    module = ast.parse((suite / "test_detectors.py").read_text(encoding="utf-8"))
    table = next(
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DETECTORS"
    )
    return {
        name: ({address.decode().lower() for address in found}, warning)
        for _, name, found, warning in ast.literal_eval(table)
        if found
    }


def named(raw: bytes) -> tuple[set[str], BounceKind | None]:
    read = read_bounce(raw, ours=())
    if not isinstance(read, Bounce):
        return set(), None
    return {one.address.lower() for one in read.recipients if one.address}, read.kind


def shares(suite: Path, label: str) -> tuple[float, float]:
    """The shares of files whose recipient is found, and for which a wrong one is named."""
    table = expected(suite)
    got = {name: named((suite / "data" / name).read_bytes())[0] for name in table}
    found = sum(bool(got[name] & right) for name, (right, _) in table.items())
    wrong = sum(bool(got[name] - right) for name, (right, _) in table.items())
    print(f"{label}: found {found}, wrong {wrong} of {len(table)}")  # noqa: T201 - the figures
    return found / len(table), wrong / len(table)


def test_recipients_are_found_in_96_of_100_and_wrong_in_1(suite: Path) -> None:
    found, wrong = shares(suite, "all sources")
    assert found >= 0.96
    assert wrong <= 0.01


def test_most_are_found_without_asking_its_own_author(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "recipients", lambda _raw: ())
    found, wrong = shares(suite, "without flufl.bounce")
    assert found >= 0.85
    assert wrong <= 0.02


def test_warnings_are_never_taken_for_failures(suite: Path) -> None:
    table = expected(suite)
    read = {name: named((suite / "data" / name).read_bytes())[1] for name in table}
    mistaken = {
        name
        for name, (_, warning) in table.items()
        if read[name] is not None and (read[name] is BounceKind.DELAY) != warning
    }
    assert mistaken == set()
    assert sum(warning for _, warning in table.values()) >= 5
