"""The life of a probe: one table, also in the README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.lifecycles.attempt import ATTEMPT
from daemon.lifecycles.incident import INCIDENT
from daemon.lifecycles.order_mail import ORDER_MAIL
from daemon.lifecycles.probe import PROBE, UNSETTLED, ProbeState
from daemon.lifecycles.transitions import IllegalMove, Lifecycle

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize(
    "lifecycle", [PROBE, INCIDENT, ORDER_MAIL, ATTEMPT], ids=lambda it: it.name
)
def test_the_readme_draws_the_table(lifecycle: Lifecycle[Any]) -> None:
    assert lifecycle.diagram() in README.read_text()


def test_a_move_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(IllegalMove, match="sighted → lost"):
        PROBE.require(ProbeState.SIGHTED, ProbeState.LOST)


def test_nothing_moves_to_planned() -> None:
    with pytest.raises(IllegalMove):
        PROBE.sources(ProbeState.PLANNED)


def test_late_is_not_missing_every_unseen_probe_may_still_be_sighted() -> None:
    assert set(PROBE.sources(ProbeState.SIGHTED)) >= UNSETTLED


def test_a_settled_probe_is_never_sent_again() -> None:
    assert PROBE.sources(ProbeState.SUBMITTED) == (ProbeState.PLANNED,)
