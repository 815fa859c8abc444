"""The filter's fourth move: order mail came back, which moves the cells and no seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.rulings.standing.belief import summed
from daemon.rulings.standing.cells import drift_of, step_cells
from daemon.rulings.standing.likelihood import bounce_ratio
from daemon.rulings.standing.table import weighed

if TYPE_CHECKING:
    from daemon.rulings.standing.belief import Standing
    from daemon.rulings.thresholds import Thresholds


def weigh_bounce(standing: Standing, at: float, thresholds: Thresholds) -> Standing:
    """The belief once order mail came back at `at` (epoch seconds).

    Seeds keep their habits' clocks and their baselines. One that came before the standing's own
    instant is weighed without a step in time, however old: bounces take hours.
    """
    known, seeds, stepped, baselines, shape, rows, whole, _ = standing
    step = drift_of(thresholds).cells(max(0.0, at - known))
    rows = weighed(step_cells(rows, step, 1 / whole), bounce_ratio(thresholds))
    return summed(max(known, at), seeds, stepped, baselines, shape, rows)
