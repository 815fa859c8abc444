from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.settings.durations import parse, text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("20m", timedelta(minutes=20)),
        ("2h", timedelta(hours=2)),
        ("30d", timedelta(days=30)),
        ("1h30m", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_read_with_its_unit(written: str, meant: timedelta) -> None:
    assert parse(written) == meant


@pytest.mark.parametrize("written", ["", "20", "20 m", "m", "-5m", "1.5h", "5m2h", "0d", "٣m", 20])
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="such as 90s"):
        parse(written)


@given(st.integers(1, 9999 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
def test_what_is_written_reads_the_same(duration: timedelta) -> None:
    assert parse(text(duration)) == duration
