"""What we believe about one route × provider: a Bayes filter over its cell and its seeds' habits.

The state is a table with one row for each combination of the seeds' habits and one column for each
cell: 6 · 3^K probabilities for K seeds, exact up to three seeds. Beyond that no more than three
seeds are thought faulty at once, which keeps eight seeds at 577 rows instead of 6,561.
"""

from __future__ import annotations

from daemon.rulings.standing.belief import Standing, advance, correct, relearn

__all__ = ["Standing", "advance", "correct", "relearn"]
