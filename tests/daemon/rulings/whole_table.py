"""The filter written down as the textbook has it: every combination, straightforward matrices.

It shares nothing with the daemon's own but the numbers in `Thresholds`.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.rulings.thresholds import Thresholds

Matrix = list[list[float]]
YEAR, DAY = 525_600.0, 1_440.0


def cell_matrix(minutes: float, t: Thresholds) -> Matrix:
    """P(cell → cell)."""
    m = min(minutes, t.cell_step_min)
    enter = [t.blip_per_year, *[t.fault_per_year] * 3, t.burst_per_year]
    means = [t.blip_min, *[t.fault_min] * 3, t.burst_min]
    matrix = [[0.0] * 6 for _ in range(6)]
    for cell in range(1, 6):
        matrix[0][cell] = enter[cell - 1] * m / YEAR
        matrix[cell][cell] = math.exp(-m / means[cell - 1])
        matrix[cell][0] = 1 - matrix[cell][cell]
    matrix[0][0] = 1 - sum(matrix[0])
    mixed = 1 - math.exp(-m / t.mix_min)
    for here, there, share in ((2, 3, t.mix_up), (3, 2, t.mix_down)):
        stays = math.exp(-m / t.fault_min)
        matrix[here][there] = stays * share * mixed
        matrix[here][here] = stays * (1 - share * mixed)
    return matrix


def habit_matrix(minutes: float, t: Thresholds) -> Matrix:
    """P(habit → habit)."""
    m = min(minutes, t.seed_step_min)
    enter = t.seed_fault_per_year * m / YEAR
    flip, lock = math.exp(-m / (t.flip_days * DAY)), math.exp(-m / (t.lock_days * DAY))
    return [[1 - 2 * enter, enter, enter], [1 - flip, flip, 0], [1 - lock, 0, lock]]


def explains(verdict: str, cell: int, habit: int, t: Thresholds) -> float:
    """P(verdict | cell, habit) for a seed whose baselines stand at their floors."""
    p0, m0 = t.spam_floor, t.missing_floor
    missing = [m0, m0, m0, m0, 0.85, 0.3][cell]
    if verdict == "unsent":
        return missing
    missing = 0.985 if habit == 2 else missing
    spam = [p0, 0.65, p0 + 0.4 * (1 - p0), 0.92, p0, p0][cell]
    spam = max(spam, 0.93) if habit == 1 else spam
    arrived = 1 - missing
    return {"missing": missing, "spam": arrived * spam}.get(verdict, arrived * (1 - spam))


class WholeTable:
    """P(cell, habit of each seed), all of it."""

    def __init__(self, seeds: int, t: Thresholds) -> None:
        self.t = t
        cells = [t.blip_per_year * t.blip_min, *[t.fault_per_year * t.fault_min] * 3]
        cells = [share / YEAR for share in [*cells, t.burst_per_year * t.burst_min]]
        cells = [1 - sum(cells), *cells]
        faulty = t.first_seed_share * t.seed_fault_per_year * DAY / YEAR
        habits = [1.0, faulty * t.flip_days, faulty * t.lock_days]
        habits = [share / sum(habits) for share in habits]
        self.states = list(product(range(6), *[range(3)] * seeds))
        self.chances = {
            state: cells[state[0]] * math.prod(habits[habit] for habit in state[1:])
            for state in self.states
        }
        self.seen_at = [0.0] * seeds
        self.at = 0.0

    def see(self, minute: float, seed: int, verdict: str) -> float:
        """Bayes' rule for one verdict; P(SPAM½ + SPAM + MISSING)."""
        self._move(0, cell_matrix(minute - self.at, self.t))
        self._move(seed + 1, habit_matrix(minute - self.seen_at[seed], self.t))
        self.at = self.seen_at[seed] = minute
        for state in self.states:
            self.chances[state] *= explains(verdict, state[0], state[seed + 1], self.t)
        whole = sum(self.chances.values())
        self.chances = {state: chance / whole for state, chance in self.chances.items()}
        return sum(chance for state, chance in self.chances.items() if state[0] in {2, 3, 4})

    def _move(self, axis: int, matrix: Matrix) -> None:
        moved = dict.fromkeys(self.states, 0.0)
        for state, chance in self.chances.items():
            for target, share in enumerate(matrix[state[axis]]):
                moved[(*state[:axis], target, *state[axis + 1 :])] += chance * share
        self.chances = moved

    def habit(self, seed: int, habit: int) -> float:
        """P(habit of a seed)."""
        return sum(chance for state, chance in self.chances.items() if state[seed + 1] == habit)
