"""`column IN (many)` as one parameter: the statement stays the same, and so does its plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, TypeDecorator, any_, bindparam, func, select

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Column, ColumnElement, Dialect
    from sqlalchemy.types import TypeEngine


class _Texts(TypeDecorator[list[str]]):
    """An array on PostgreSQL; on SQLite, which has none, the text of a JSON array."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:  # noqa: ANN401 - the driver's
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


def among(conn: Any, column: Column[str], name: str) -> ColumnElement[bool]:  # noqa: ANN401 - a connection of either kind
    """The condition that `column` is one of the texts bound to `name`."""
    values = bindparam(name, type_=_Texts)
    if conn.dialect.name == "postgresql":
        return column == any_(values)
    return column.in_(select(func.json_each(values).table_valued("value").c.value))
