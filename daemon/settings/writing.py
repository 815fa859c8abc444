"""Settings as a YAML file whose comments are the models' own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from textwrap import wrap
from typing import TYPE_CHECKING, Any, get_args

import yaml

from daemon.settings.durations import text
from daemon.settings.models import Settings
from daemon.settings.section import Section

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

HEADING = """\
# yaml-language-server: $schema=receiptwatch.schema.json
#
# Settings of Receiptwatch. Paths are relative to this file; durations read 90s, 20m, 2h, 30d.
# A commented key is optional; it shows what holds without it, or … where nothing does.
# No secret stands in here: each is in a file of its own that only its owner may read.
"""
WIDTH = 96


def written(data: Mapping[str, Any]) -> str:
    """The file that holds `data`, in the order of the models; every key explained where first met.

    The data is not checked here.
    """
    return "\n".join([HEADING, *_Writer().section(Settings, data, "")]).rstrip() + "\n"


@dataclass(frozen=True, slots=True)
class _Writer:
    explained: set[tuple[type[Section], str]] = field(default_factory=set)

    def section(self, kind: type[Section], data: Mapping[str, Any], indent: str) -> Iterator[str]:
        for name, known in kind.model_fields.items():
            key = known.alias or name
            new = (kind, key) not in self.explained
            self.explained.add((kind, key))
            if new:
                yield from _comment(known, indent)
            if key in data:
                below = _kind(known.annotation, data[key], data)
                yield from self._entry(key, data[key], below, indent)
            elif new:
                yield f"{indent}# {key}: {_default(known, data)}"
            if not indent and (new or key in data):
                yield ""

    def _entry(
        self, key: str, value: object, kind: type[Section] | None, indent: str
    ) -> Iterator[str]:
        if kind and isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from self.section(kind, value, f"{indent}  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{indent}{key}:"
            for item in value:
                yield from self._item(kind or Section, item, f"{indent}  ")
        else:
            yield f"{indent}{key}: {_flow(value)}"

    def _item(self, kind: type[Section], item: Mapping[str, Any], indent: str) -> Iterator[str]:
        begun = False
        for line in self.section(kind, item, f"{indent}  "):
            first = not begun and not line.lstrip().startswith("#")
            yield f"{indent}- {line.lstrip()}" if first else line if begun else line[2:]
            begun = begun or first


def _comment(known: FieldInfo, indent: str) -> Iterator[str]:
    words = " ".join((known.description or "").split())
    return (f"{indent}# {line}" for line in wrap(words, WIDTH - len(indent)))


def _default(known: FieldInfo, data: Mapping[str, Any]) -> str:
    value = known.get_default(call_default_factory=True, validated_data=dict(data))
    if isinstance(value, timedelta):
        return text(value)
    return "…" if value is None or isinstance(value, Section) else _flow(value)


def _flow(value: object) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    flow = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10_000)
    return flow.removesuffix("...\n").strip()


def _kind(annotation: object, value: object, beside: Mapping[str, Any]) -> type[Section] | None:
    """The section among the annotation's types that `value` is meant to be.

    If many: by the `kind` in it, or the `channel` beside it.
    """
    kinds = list(_sections(annotation))
    if len(kinds) < 2 or not isinstance(value, Mapping):
        return kinds[0] if kinds else None
    word = value.get("kind", beside.get("channel"))
    return next(kind for kind in kinds if kind.word == word)


def _sections(annotation: object) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)
