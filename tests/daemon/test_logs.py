"""Log lines cannot be forged, and carry no secret."""

from __future__ import annotations

import json
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
