"""Rules between the entries of a list, on data that is not yet validated."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.settings.section import Refusal


def entries(data: Mapping[str, Any], key: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The mappings in the list `key`, with their index; whatever else is there is passed over."""
    listed = data.get(key)
    items = enumerate(listed) if isinstance(listed, list) else ()
    return [(at, item) for at, item in items if isinstance(item, Mapping)]


def repeated(data: Mapping[str, Any], key: str, field: str) -> Iterator[Refusal]:
    """A refusal for every entry of the list `key` whose `field` an earlier entry has."""
    seen: dict[str, int] = {}
    for at, entry in entries(data, key):
        value = entry.get(field)
        if isinstance(value, str):
            first = seen.setdefault(value.casefold(), at)
            if first != at:
                yield (key, at, field), f"`{value}` is taken by {key}[{first}]; each needs its own"
