"""Lines of a recording: read strictly, written back the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.rulings.observations import Verdict, from_json
from daemon.rulings.recording import LONGEST_LINE, BrokenLine, lines, parsed, read
from tests.daemon.rulings.traces import MISSING, probe

LINE = {
    "at": "2026-01-05T00:10:04Z",
    "probe": "p-1",
    "sent_at": "2026-01-05T00:10:00Z",
    "shop": "demo",
    "route": "primary",
    "provider": "gmail",
    "seed": "gmail-1",
    "template": "t1",
    "verdict": "inbox",
    "tab": None,
    "latency_s": 3.9,
    "spf": "pass",
    "dkim": "pass",
    "dmarc": "pass",
    "smtp": "250 2.0.0 OK",
}


def test_a_line_is_read_and_written_back_the_same() -> None:
    seen = from_json(LINE)
    assert seen.at == datetime(2026, 1, 5, 0, 10, 4, tzinfo=UTC)
    assert seen.verdict is Verdict.INBOX
    assert seen.as_json() == LINE


def test_another_time_zone_is_the_same_instant() -> None:
    seen = from_json({**LINE, "at": "2026-01-05T03:40:04+03:30"})
    assert seen.as_json()["at"] == "2026-01-05T00:10:04Z"


def test_the_control_route_is_known_by_its_role_or_else_its_name() -> None:
    assert from_json({**LINE, "route": "control"}).is_control
    assert from_json({**LINE, "route": "ours", "role": "control"}).is_control
    assert not from_json({**LINE, "route": "control", "role": "primary"}).is_control
    assert from_json({**LINE, "role": "control"}).as_json()["role"] == "control"


def test_keys_that_we_do_not_know_are_left_alone() -> None:
    assert from_json({**LINE, "mood": "fine"}) == from_json(LINE)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("at", None, "at: None is no instant"),
        ("at", 5, "at: 5 is no instant"),
        ("at", "yesterday", "at: 'yesterday' is no instant"),
        ("sent_at", "2026-01-05T00:10:00", "has no time zone"),
        ("probe", None, "probe: is missing"),
        ("probe", "", "probe: '' is no text"),
        ("shop", 7, "shop: 7 is no text"),
        ("route", "r" * 501, "route: 'rrr"),
        ("seed", "\ud800", "seed: .* is no text"),
        ("verdict", "lost", "verdict: 'lost' is none of inbox, tab"),
        ("verdict", ["inbox"], "verdict: .* is none of"),
        ("verdict", None, "verdict: None"),
        ("latency_s", "4", "latency_s: '4' is no number"),
        ("latency_s", -1, "latency_s: -1"),
        ("latency_s", float("nan"), "latency_s: nan"),
        ("latency_s", True, "latency_s: True"),
        ("dkim", {}, "dkim: {} is no text"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(field: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_json({**LINE, field: value})


@pytest.mark.parametrize("field", [k for k in LINE if k not in {"tab", "latency_s", "smtp"}])
def test_a_field_that_is_left_out_is_named(field: str) -> None:
    left = {key: value for key, value in LINE.items() if key != field}
    if field in {"spf", "dkim", "dmarc"}:
        assert getattr(from_json(left), field) is None
        return
    with pytest.raises(ValueError, match=f"^{field}: "):
        from_json(left)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(LINE)), json_values))
def test_nothing_but_a_sentence_comes_of_a_strange_line(changes: dict[str, Any]) -> None:
    found = next(read([json.dumps({**LINE, **changes}).encode()]))
    if isinstance(found, BrokenLine):
        assert str(found).split(": ")[1] in LINE
    else:
        assert from_json(json.loads(json.dumps(found.as_json()))) == found


class TestRecordings:
    def written(self, *changes: dict[str, Any]) -> list[bytes]:
        return [json.dumps({**LINE, **change}).encode() + b"\n" for change in changes]

    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            (b"nonsense", "no JSON"),
            (b"[1]", "no JSON object"),
            (b"\xff\xfe", "no JSON"),
            (b"[" * 50_000, "nested too deep"),
            (b" " * LONGEST_LINE + b"{}", "longer than"),
        ],
    )
    def test_a_line_that_is_none_says_so(self, line: bytes, sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            parsed(line)

    def test_broken_lines_are_named_by_number_and_the_rest_is_read(self) -> None:
        recorded = [*self.written({}), b"\n", b"{}\n", *self.written({"probe": "p-2"})]
        found = list(read(recorded))
        assert [str(item) for item in found if isinstance(item, BrokenLine)] == [
            "line 3: at: None is no instant"
        ]
        assert len(found) == 3

    def test_time_may_go_back_a_little_but_not_by_hours(self) -> None:
        late, slightly, hours = "2026-01-05T05:00:00Z", "2026-01-05T04:30:00Z", LINE["at"]
        first, second, third = read(self.written({"at": late}, {"at": slightly}, {"at": hours}))
        assert not isinstance(first, BrokenLine)
        assert not isinstance(second, BrokenLine)
        assert str(third) == "line 3: at: 2026-01-05T00:10:04Z goes back in time"

    def test_of_an_endless_line_only_the_beginning_is_kept(self, tmp_path: Any) -> None:
        file = tmp_path / "recording"
        file.write_bytes(b"x" * 5_000_000 + b"\n" + self.written({})[0])
        with file.open("rb") as recording:
            first, second = lines(recording)
        assert len(first) == LONGEST_LINE + 1
        assert parsed(second).probe == "p-1"


def test_a_hand_made_probe_reads_back() -> None:
    seen = probe(7, MISSING)
    assert from_json(json.loads(json.dumps(seen.as_json()))) == seen
