"""Runs a statement for many alike rows at once, without Core's bookkeeping for each value of each.

Core compiles the statement, once, and its column types make the values storable; the driver runs
it for all rows. For intake this takes a third off the time that a message costs. PostgreSQL takes
the rows of an UPDATE as one table, which spares it a statement for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ARRAY, BindParameter, Update, bindparam, column, func
from sqlalchemy.sql.visitors import replacement_traverse

from daemon.ledger.conflict import insert_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Dialect, Insert, Table
    from sqlalchemy.sql.compiler import SQLCompiler

    Row = Mapping[str, Any]


def insert_many(
    conn: Connection, table: Table, rows: Sequence[Row], *, unless_taken: tuple[str, ...] = ()
) -> None:
    """Insert rows of the same columns; none of them is fine.

    A row is left out when one of the same `unless_taken` is there: another row's, or an earlier
    one's of these.
    """
    if rows:
        statement = _insertion(conn.dialect, table, unless_taken)
        sql, parameters = _compiled(conn.dialect, statement, tuple(rows[0]))
        _for_each(conn, sql, parameters, rows)


def update_many(conn: Connection, statement: Update, rows: Sequence[Row]) -> None:
    """Run an UPDATE, which its module keeps, for rows of the same names; none of them is fine.

    A row's values go to the columns and to the bound parameters of their names. No two rows may
    change the same one.
    """
    if not rows:
        return
    names = tuple(rows[0])
    if conn.dialect.name == "postgresql":
        sql, parameters = _joined(conn.dialect, statement, names)
        conn.exec_driver_sql(sql, tuple(parameter.at_once(rows) for parameter in parameters))
    else:
        sql, parameters = _compiled(conn.dialect, statement, names)
        _for_each(conn, sql, parameters, rows)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One of a statement's: what each row has under a name, or what is the same for all."""

    name: str | None
    convert: Callable[[Any], Any]
    constant: Any = None

    def each(self, rows: Sequence[Row]) -> Iterable[Any]:
        """A value for each row."""
        if self.name is None:
            return repeat(self.constant, len(rows))
        return map(self.convert, map(itemgetter(self.name), rows))

    def at_once(self, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - the driver's
        """One value for all rows: an array, unless it is the same for all."""
        if self.name is None:
            return self.constant
        return self.convert([row[self.name] for row in rows])


def _for_each(
    conn: Connection, sql: str, parameters: Sequence[_Parameter], rows: Sequence[Row]
) -> None:
    values = zip(*(parameter.each(rows) for parameter in parameters), strict=True)
    conn.exec_driver_sql(sql, list(values))


@lru_cache(maxsize=64)
def _insertion(dialect: Dialect, table: Table, unless_taken: tuple[str, ...]) -> Insert:
    statement = insert_for(dialect, table)
    if unless_taken:
        statement = statement.on_conflict_do_nothing(index_elements=unless_taken)
    return statement


@lru_cache(maxsize=64)
def _compiled(
    dialect: Dialect, statement: Insert | Update, names: tuple[str, ...]
) -> tuple[str, list[_Parameter]]:
    """The statement, and what its parameters take from rows of these names."""
    return _of(
        dialect, statement.compile(dialect=dialect, column_keys=_set(statement, names)), names
    )


@lru_cache(maxsize=64)
def _joined(
    dialect: Dialect, statement: Update, names: tuple[str, ...]
) -> tuple[str, list[_Parameter]]:
    """The same, with what the rows give taken from a table of arrays, one for each name."""
    columns = _set(statement, names)
    binds = statement.compile(dialect=dialect, column_keys=columns).binds
    arrays = [bindparam(name, type_=ARRAY(binds[name].type)) for name in names]
    rows = func.unnest(*arrays).table_valued(*(column(name, binds[name].type) for name in names))
    given = rows.render_derived("given").c

    def from_given(element: Any, **_: Any) -> ColumnElement[Any] | None:  # noqa: ANN401 - any part of a statement
        is_given = isinstance(element, BindParameter) and element.key in names
        return given[element.key] if is_given else None

    changed = statement.values({name: given[name] for name in columns})
    joined = cast("Update", replacement_traverse(changed, {}, from_given))
    return _of(dialect, joined.compile(dialect=dialect), names)


def _set(statement: Insert | Update, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in statement.table.c]


def _of(
    dialect: Dialect, compiled: SQLCompiler, names: tuple[str, ...]
) -> tuple[str, list[_Parameter]]:
    parameters = []
    for name in compiled.positiontup or ():
        type_ = compiled.binds[name].type.dialect_impl(dialect)
        convert = type_.bind_processor(dialect) or _unchanged
        constant = None if name in names else convert(compiled.params[name])
        parameters.append(_Parameter(name if name in names else None, convert, constant))
    return str(compiled), parameters


def _unchanged(value: Any) -> Any:  # noqa: ANN401 - whatever the driver takes
    return value
