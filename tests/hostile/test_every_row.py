"""Each of the hostile inputs 1 to 33 has a test that sends it over a real socket."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
OVER_SOCKETS = ("smtp", "smtp_load", "bounce_paths", "intake_end_to_end")
ROWS = range(1, 34)


def test_every_row_has_a_test_over_a_real_socket() -> None:
    texts = [(HERE / f"test_hostile_{name}.py").read_text() for name in OVER_SOCKETS]
    names = re.findall(r"^(?:async )?def (test_\d\w+)\(", "\n".join(texts), re.MULTILINE)
    assert set(ROWS) <= {row for name in names for row in rows_of(name)}


def test_every_row_is_in_the_table() -> None:
    told = re.findall(r"^\| (\d+)(?:–(\d+))? \|", (HERE / "README.md").read_text(), re.MULTILINE)
    rows = [row for first, last in told for row in range(int(first), int(last or first) + 1)]
    assert rows == list(ROWS)


def rows_of(name: str) -> range | list[int]:
    """The rows that a test's name begins with: test_1_to_10_…, test_22_23_…"""
    if stretch := re.match(r"test_(\d+)_to_(\d+)_", name):
        return range(int(stretch[1]), int(stretch[2]) + 1)
    numbers = re.match(r"test_((?:\d+_)+)", name)
    return [int(number) for number in numbers[1].split("_")[:-1]] if numbers else []
