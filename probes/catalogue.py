"""Finds the entries of a room (mailboxes, checks): one file each, one named export.

A missing export, a wrong type or a duplicate name is refused at start, not when first used.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from types import ModuleType

Entry = TypeVar("Entry")


class CatalogueError(Exception):
    """A file in a catalogue room does not export what the room demands."""


def scan(room: ModuleType, export: str, kind: type[Entry]) -> dict[str, Entry]:
    """Map each entry's `name` to the entry, over every module in `room`; sorted by name."""
    found: dict[str, Entry] = {}
    for info in sorted(pkgutil.iter_modules(room.__path__), key=lambda info: info.name):
        entry = _entry(f"{room.__name__}.{info.name}", export, kind)
        name = str(getattr(entry, "name", ""))
        if not name or name in found:
            problem = f"has the name {name!r}, taken already" if name else "has no name"
            raise CatalogueError(f"{room.__name__}.{info.name}: {export} {problem}")
        found[name] = entry
    return found


def _entry(module_name: str, export: str, kind: type[Entry]) -> Entry:
    entry = getattr(importlib.import_module(module_name), export, None)
    if not isinstance(entry, kind):
        raise CatalogueError(f"{module_name} must export {export}, a {kind.__name__}")
    return entry
