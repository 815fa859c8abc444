"""A YAML file as plain data that remembers where each of its values stands.

Stricter than YAML 1.1, whose readings surprise people: a plain `no` (false), `1:30` (90), `010` (8)
or `2026-01-01` (a date) is refused with the way to write what was meant, as are duplicate keys,
aliases and tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from daemon.settings.problems import Problem, SettingsError, Steps, spelled

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

_TAG = "tag:yaml.org,2002:"
_PLAINLY = {
    "null": re.compile(r"~|null|", re.IGNORECASE),
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "int": re.compile(r"-?(0|[1-9]\d{0,17})"),
    "float": re.compile(r"-?(0|[1-9]\d{0,8})\.\d{1,9}"),
}
_READ_AS = {
    "bool": "true or false; write true or false if that is meant, else put quotes around it",
    "int": "a number of another base; write a duration as 90s, a number in plain digits, "
    "or put quotes around it",
    "float": "an odd number; write plain digits, or put quotes around it",
    "timestamp": "a date; put quotes around it",
}


@dataclass(slots=True)
class Document:
    """The file's `data`, and the line and column (from 1) of every key and list item in it."""

    data: Any = None
    places: dict[Steps, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: set[Steps] = field(default_factory=set)
    """Values that were not taken over; nothing more need be said about them."""

    def problem(self, steps: Steps, sentence: str) -> Problem:
        """`sentence` about the nearest place to `steps` that the file has."""
        near = steps
        while near and near not in self.places:
            near = near[:-1]
        return Problem(*self.places.get(near, (1, 1)), spelled(steps), sentence)


def read(path: Path) -> Document:
    """Read and parse `path`; raises SettingsError when it cannot be read or is not YAML.

    What only surprises (a duplicate key, a plain `no`) is in the document's `problems`.
    """
    try:
        root = _Loader(_text(path)).get_single_node()
    except (OSError, ValueError) as error:
        raise SettingsError(path, [Problem(1, 1, "", _unreadable(error))]) from None
    except yaml.MarkedYAMLError as error:
        raise SettingsError(path, [_not_yaml(error)]) from None
    except yaml.YAMLError as error:
        sentence = f"is not YAML: {str(error).splitlines()[0]}"
        raise SettingsError(path, [Problem(1, 1, "", sentence)]) from None
    document = Document()
    document.data = _Builder(document).value(root, ()) if root else None
    return document


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES:,} bytes; is it the settings file?")
    return content.decode("utf-8-sig")


def _unreadable(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file; `receiptwatch init` writes one"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
    return str(error)


def _not_yaml(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    words = [word for word in (error.context, error.problem) if word]
    advice = "; indent with spaces, YAML allows no tabs" if r"'\t'" in str(error.problem) else ""
    return Problem(line, column, "", f"is not YAML: {', '.join(words)}{advice}")


class _Loader(yaml.SafeLoader):
    """Composes nodes only; refuses what makes a small file expand or nest without end."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        mark = self.get_mark()
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are refused", problem_mark=mark)
        if self.depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=mark)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


@dataclass(frozen=True, slots=True)
class _Builder:
    document: Document

    def value(self, node: yaml.Node, steps: Steps) -> Any:  # noqa: ANN401 - YAML holds anything
        self.document.places.setdefault(steps, _place(node))
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, steps)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*steps, at)) for at, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, steps)
        return self._refuse(steps, f"the YAML tag {node.tag.replace(_TAG, '!!')} is refused")

    def _mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, steps, entries)
            if key is not None:
                self.document.places[(*steps, key)] = _place(key_node)
                entries[key] = self.value(value_node, (*steps, key))
        return entries

    def _key(self, node: yaml.Node, steps: Steps, taken: dict[str, Any]) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}str":
            sentence = "a key must be text; put quotes around it"
        elif node.value in taken:
            first, _ = self.document.places[(*steps, node.value)]
            sentence = f"the key is written twice (first in line {first}); keep one"
        else:
            return str(node.value)
        where = (*steps, str(node.value) if isinstance(node, yaml.ScalarNode) else "?")
        self.document.problems.append(Problem(*_place(node), spelled(where), sentence))
        return None

    def _scalar(self, node: yaml.ScalarNode, steps: Steps) -> Any:  # noqa: ANN401 - as `value`
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return node.value
        plainly = _PLAINLY.get(kind)
        if plainly and plainly.fullmatch(node.value):
            return _plain(kind, node.value)
        if kind in _READ_AS:
            sentence = f"YAML reads a plain `{node.value}` as {_READ_AS[kind]}"
            return self._refuse(steps, sentence)
        return self._refuse(steps, f"the YAML tag {node.tag.replace(_TAG, '!!')} is refused")

    def _refuse(self, steps: Steps, sentence: str) -> None:
        self.document.refused.add(steps)
        self.document.problems.append(self.document.problem(steps, sentence))


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _plain(kind: str, value: str) -> bool | float | None:
    if kind == "null":
        return None
    if kind == "bool":
        return value.lower() == "true"
    return int(value) if kind == "int" else float(value)
