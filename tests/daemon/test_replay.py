"""`receiptwatch replay` as a process between two pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.daemon.rulings.traces import SPAM, probe, rounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from daemon.rulings.observations import Observation

DAY = 24 * 60
REPLAY = [
    sys.executable,
    "-c",
    "import typer; from daemon.commands.replay import replay; typer.run(replay)",
]


def text(observations: Iterable[Observation]) -> list[bytes]:
    return [json.dumps(o.as_json()).encode() + b"\n" for o in observations]


HISTORY = text([*rounds(0, DAY), *rounds(DAY, DAY + 60, SPAM), *rounds(DAY + 60, DAY + 300)])


def history() -> list[bytes]:
    return [*HISTORY]


def replayed(recorded: list[bytes], *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*REPLAY, *options], input=b"".join(recorded), capture_output=True, check=False, timeout=60
    )


def events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_events_come_out_and_a_summary_on_stderr() -> None:
    done = replayed(history())
    assert [event["event"] for event in events(done)] == ["opened", "closed"]
    assert done.returncode == 0
    assert done.stderr.decode().startswith(f"{len(history())} observations, 2 events; ")


def test_a_file_is_read_as_stdin_is(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"".join(history()))
    assert replayed([], str(file)).stdout == replayed(history(), "-").stdout != b""


@pytest.fixture
def pipe() -> Iterator[subprocess.Popen[bytes]]:
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    ends = subprocess.PIPE
    with subprocess.Popen(REPLAY, stdin=ends, stdout=ends, env=buffered) as process:
        yield process
        if process.stdin and not process.stdin.closed:
            process.stdin.close()


def test_an_event_is_out_before_the_next_line_is_written(pipe: subprocess.Popen[bytes]) -> None:
    """Nothing looks ahead: were the output held back, this would wait for ever."""
    assert pipe.stdin
    assert pipe.stdout
    recorded = history()
    whole = events(replayed(recorded))
    found: list[dict[str, Any]] = []
    for line in recorded:
        pipe.stdin.write(line)
        pipe.stdin.flush()
        at = json.loads(line)["at"]
        while len(found) < len(whole) and whole[len(found)]["at"] == at:
            found.append(json.loads(pipe.stdout.readline()))
    assert found == whole


def test_other_thresholds_decide_otherwise() -> None:
    early, late = (events(replayed(history(), "--set", f"open_at={at}"))[0] for at in (0.4, 0.99))
    assert early["at"] < late["at"]
    calm = replayed(history(), "--set", "open_at=.999999999", "--set", "blip_min=300")
    assert events(calm) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--set", "open=.9"], "open: no such threshold"),
        (["--set", "open_at=x"], "open_at: 'x' is no number"),
        (["nowhere.jsonl"], "No such file"),
    ],
)
def test_bad_usage_is_said_and_ends_with_2(options: list[str], sentence: str) -> None:
    done = replayed([], *options)
    assert done.returncode == 2
    assert sentence in done.stderr.decode()


BROKEN = [
    (b"{]\n", "no JSON"),
    (text([probe(DAY + 61)])[0].replace(b'"inbox"', b'"lost"'), "verdict: 'lost'"),
    (text([probe(60)])[0], "goes back in time"),
]


@pytest.mark.parametrize(("line", "sentence"), BROKEN, ids=["json", "verdict", "time"])
def test_a_broken_line_is_named_and_fatal(line: bytes, sentence: str) -> None:
    recorded = history()
    recorded.insert(500, line)
    done = replayed(recorded)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("line 501: ")
    assert sentence in done.stderr.decode()


def test_with_skip_bad_each_is_named_and_none_is_fatal() -> None:
    recorded = history()
    for number, (line, _) in zip((515, 500, 450), BROKEN, strict=True):
        recorded.insert(number, line)
    done = replayed(recorded, "--skip-bad")
    said = done.stderr.decode()
    assert done.returncode == 0
    assert [line.split(":")[0] for line in said.splitlines()[:3]] == [
        "line 451",
        "line 502",
        "line 518",
    ]
    assert "3 broken lines skipped" in said
    assert done.stdout == replayed(history()).stdout
