"""Where a real server is missing, the tests say so; on CI that is an error."""

from __future__ import annotations

import pytest

from tests.conftest import unavailable
from tests.world import world as real_world


def test_a_missing_program_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(real_world, "PROGRAMS", ("sh", "no-such-server"))
    assert real_world.unfit() == (
        "no-such-server not installed; `make world-packages` installs what is needed"
    )


def test_without_root_the_world_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_world, "PROGRAMS", ("sh",))
    monkeypatch.setattr(real_world, "IS_ROOT", False)
    reason = real_world.unfit()
    assert reason
    assert "root" in reason


def test_a_developer_gets_a_skip_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Postfix is away"):
        unavailable("Postfix is away")


def test_ci_gets_an_error_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Postfix is away"):
        unavailable("Postfix is away")
