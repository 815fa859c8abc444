"""Runs a statement for many alike rows at once, without Core's bookkeeping for each value of each.

Core compiles the statement, once, and its column types make the values storable; the driver runs
it for all rows. For intake this takes a third off the time that a message costs.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from daemon.ledger.conflict import insert_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect, Insert, Table, Update

    Row = Mapping[str, Any]
    Cells = Callable[[Sequence[Row]], Iterable[Any]]


def insert_many(
    conn: Connection, table: Table, rows: Sequence[Row], *, unless_taken: tuple[str, ...] = ()
) -> None:
    """Insert rows of the same columns; none of them is fine.

    A row is left out when one of the same `unless_taken` is there: another row's, or an earlier
    one's of these.
    """
    run_many(conn, _insertion(conn.dialect, table, unless_taken), rows)


def run_many(conn: Connection, statement: Insert | Update, rows: Sequence[Row]) -> None:
    """Run a statement, which its module keeps, for rows of the same columns; none is fine.

    A row's values go to the columns and to the bound parameters of their names.
    """
    if rows:
        sql, cells = _compiled(conn.dialect, statement, tuple(rows[0]))
        conn.exec_driver_sql(sql, list(zip(*(column(rows) for column in cells), strict=True)))


@lru_cache(maxsize=64)
def _insertion(dialect: Dialect, table: Table, unless_taken: tuple[str, ...]) -> Insert:
    statement = insert_for(dialect, table)
    if unless_taken:
        statement = statement.on_conflict_do_nothing(index_elements=unless_taken)
    return statement


@lru_cache(maxsize=64)
def _compiled(
    dialect: Dialect, statement: Insert | Update, names: tuple[str, ...]
) -> tuple[str, list[Cells]]:
    """The statement, and what makes of the rows the values of each of its parameters."""
    columns = [name for name in names if name in statement.table.c]
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    cells = [
        _cells(
            compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect),
            itemgetter(name) if name in names else None,
            compiled.params[name],
        )
        for name in compiled.positiontup or ()
    ]
    return str(compiled), cells


def _cells(
    convert: Callable[[Any], Any] | None, pick: Callable[[Row], Any] | None, constant: object
) -> Cells:
    if pick is None:
        value = convert(constant) if convert else constant
        return lambda rows: repeat(value, len(rows))
    if convert is None:
        return lambda rows: map(pick, rows)
    return lambda rows: map(convert, map(pick, rows))
