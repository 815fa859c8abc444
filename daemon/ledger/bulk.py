"""Inserts many alike rows at once, without Core's bookkeeping for each value of each row.

Core compiles the statement, once, and its column types make the values storable; the driver runs
it for all rows. For intake this takes a third off the time that a message costs.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from daemon.ledger.conflict import insert_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect, Table

    Row = Mapping[str, Any]
    Convert = Callable[[Any], Any] | None


def insert_many(
    conn: Connection, table: Table, rows: Sequence[Row], *, unless_taken: tuple[str, ...] = ()
) -> None:
    """Insert rows of the same columns, at least two; none of them is fine.

    A row is left out when one of the same `unless_taken` is there: another row's, or an earlier
    one's of these.
    """
    if rows:
        sql, pick, converts = _compiled(conn.dialect, table, tuple(rows[0]), unless_taken)
        columns = zip(*map(pick, rows), strict=True)
        cells = [
            map(convert, column) if convert else column
            for convert, column in zip(converts, columns, strict=True)
        ]
        conn.exec_driver_sql(sql, list(zip(*cells, strict=True)))


@lru_cache(maxsize=64)
def _compiled(
    dialect: Dialect, table: Table, columns: tuple[str, ...], unless_taken: tuple[str, ...]
) -> tuple[str, Callable[[Row], tuple[Any, ...]], list[Convert]]:
    """The statement, how it takes its values from a row, and what makes each storable."""
    statement = insert_for(dialect, table)
    if unless_taken:
        statement = statement.on_conflict_do_nothing(index_elements=unless_taken)
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    names = compiled.positiontup or []
    types = [table.c[name].type.dialect_impl(dialect) for name in names]
    return str(compiled), itemgetter(*names), [type_.bind_processor(dialect) for type_ in types]
