"""Log lines cannot be forged, and carry no secret."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from daemon import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _own_configuration() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("evil", ["a\r\nforged", "\x1b[31mred", "100%s%n", "\u2028line", "\x00"])
def test_what_others_wrote_stays_on_one_line_and_is_escaped(
    evil: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.setup(as_json=True)
    structlog.get_logger().info("reply", text=evil)
    written = capsys.readouterr().err
    assert len(written.splitlines()) == 1
    assert "\x1b" not in written
    assert json.loads(written)["event"] == "reply"


def test_the_terminal_form_is_escaped_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(as_json=False)
    structlog.get_logger().info("reply", text="a\nforged \x1b[31m")
    written = capsys.readouterr().err
    assert len(written.splitlines()) == 1
    assert "\x1b" not in written


def test_a_secret_is_never_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(as_json=True)
    structlog.get_logger().info("login", password="canary")
    assert "canary" not in capsys.readouterr().err


def test_a_line_that_finds_no_room_is_lost_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Path("/dev/full").open("w", buffering=1) as full, Path(os.devnull).open("w") as nothing:
        monkeypatch.setattr(sys, "stderr", full)
        logs.setup(as_json=True)
        structlog.get_logger().info("reply", text="anything")
        structlog.get_logger().error("and another")
        with pytest.raises(OSError, match="No space left"):
            full.flush()
        os.dup2(nothing.fileno(), full.fileno())  # or closing it would fail
