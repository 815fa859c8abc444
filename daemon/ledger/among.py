"""`column IN (many)` as one parameter: the statement stays the same, and so does its plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Column, Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine


class _Texts(TypeDecorator[list[str]]):
    """An array on PostgreSQL; on SQLite, which has none, the text of a JSON array."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:  # noqa: ANN401 - the driver's
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


class _Among(FunctionElement[Any]):
    """A condition, which each database is told in its own words.

    Of no type: SQLite would be asked whether a Boolean is 1, and use no index.
    """

    inherit_cache = True


def among(column: Column[str], name: str) -> FunctionElement[Any]:
    """The condition that `column` is one of the texts bound to `name`."""
    return _Among(column, bindparam(name, type_=_Texts))


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({texts})"


@compiles(_Among, "sqlite")
def _each(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608 - compiled parts
