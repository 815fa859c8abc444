"""Column types that hold the same value on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Integer, Text, TypeDecorator

if TYPE_CHECKING:
    from enum import StrEnum

    from sqlalchemy import Dialect

Serial = BigInteger().with_variant(Integer(), "sqlite")
"""A row number; SQLite counts up by itself only under the very name INTEGER."""


class Instant(TypeDecorator[datetime]):
    """An aware datetime, read back in UTC; raises ValueError for a naive one.

    SQLite has no such type: there it is stored in UTC without its zone, in a text of fixed width
    that sorts by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} names no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from the outside world, made storable: see `storable`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To the database."""
        return None if value is None else storable(value)


class Document(TypeDecorator[Any]):
    """A JSON value whose texts, from the outside world, are made storable."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - any JSON value; SQLAlchemy's signature
        """To the database."""
        return _storable(value)


def storable(text: str) -> str:
    """The text with U+FFFD for what no database takes: NUL (PostgreSQL) and lone surrogates.

    Both stand in real mail: a server's reply or a header may hold any octet.
    """
    if text.isascii() and "\0" not in text:  # nearly all of it
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _storable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def one_of(kind: type[StrEnum]) -> Enum:
    """A column of an enumeration's values, read back as its members."""
    return Enum(
        kind,
        native_enum=False,  # a new member is then no ALTER TYPE
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )
