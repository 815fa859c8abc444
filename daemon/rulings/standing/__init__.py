"""What we believe about one route × provider: a Bayes filter over its cell and its seeds' habits.

The state is a table with one row for each combination of the seeds' habits and one column for each
cell: 6 · 3^K probabilities for K seeds. Rows in which more seeds are faulty than there is any
belief in are left out, so a healthy route keeps 1 + 2K of them; and never are more than three
seeds thought faulty at once, which bounds eight seeds at 577 rows instead of 6,561. The tests hold
it against the whole table.
"""

from __future__ import annotations

from daemon.rulings.standing.belief import Standing, advance, correct, relearn
from daemon.rulings.standing.bounced import weigh_bounce

__all__ = ["Standing", "advance", "correct", "relearn", "weigh_bounce"]
