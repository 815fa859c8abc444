"""A part of the settings file that names every mistake in it in words, all at once."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from daemon.settings.problems import Steps

Entry = TypeVar("Entry")
Refusal = tuple[Steps, str]
"""Where a rule is broken, below the section that says so, and the sentence about it."""

_RULE = "rule"
_ECHOES = {"default_factory_not_called"}
"""What pydantic adds only because another key of the section is wrong."""
TAG = "kind="
"""Begins the tags of tagged unions, which stand in pydantic's paths but not in the file's."""


def at_least_one(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Refuse an empty list; unlike `min_length`, silent when the entries themselves are wrong."""
    if not entries:
        raise ValueError("needs at least one entry")
    return entries


def refuse(refusals: Iterable[Refusal]) -> None:
    """Raise what pydantic understands as a failed validation, if there is any refusal."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(_RULE, "{sentence}", {"sentence": sentence}),
            loc=steps,
            input=None,
        )
        for steps, sentence in refusals
    ]
    if details:
        raise ValidationError.from_exception_data("settings", details)


def refusals(error: ValidationError) -> Iterator[Refusal]:
    """What a failed validation of a section says, with its way in the file's own keys."""
    for detail in error.errors(include_url=False):
        yield _steps(detail["loc"]), detail["msg"]


class Section(BaseModel):
    """Frozen; a field's docstring is its comment in the example file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    word: ClassVar[str] = ""
    """Where one of several sections may stand: the word in the file that says that it is this."""

    @classmethod
    def clashes(cls, data: Mapping[str, Any]) -> Iterator[Refusal]:
        """Rules between entries, on unvalidated data: they hold even beside other mistakes."""
        del data
        yield from ()

    @classmethod
    def checked(cls, key: str, value: object) -> Any:  # noqa: ANN401 - any field's type
        """`value` as the key takes it; raises ValueError with the sentence about it."""
        known = {field.alias or name: field for name, field in cls.model_fields.items()}[key]
        try:
            return TypeAdapter(known.rebuild_annotation()).validate_python(value)
        except ValidationError as error:
            raise ValueError(sentence(error.errors(include_url=False)[0])) from None

    @model_validator(mode="wrap")
    @classmethod
    def _say_all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - unvalidated
        found = list(cls.clashes(data)) if isinstance(data, Mapping) else []
        try:
            section = handler(data)
        except ValidationError as error:
            found += cls._found(error.errors(include_url=False))
        refuse(found)
        return section

    @classmethod
    def _found(cls, details: list[ErrorDetails]) -> Iterator[Refusal]:
        misspelt = {
            cls._nearest(str(detail["loc"][-1]))
            for detail in details
            if detail["type"] == "extra_forbidden"
        }
        for detail in details:
            missing = detail["type"] == "missing" and detail["loc"][-1] in misspelt
            if not missing and detail["type"] not in _ECHOES:
                yield _steps(detail["loc"]), cls._sentence(detail)

    @classmethod
    def _sentence(cls, detail: ErrorDetails) -> str:
        if detail["type"] == "extra_forbidden":
            return cls._unknown(str(detail["loc"][-1]))
        if detail["type"] == "missing":
            return f"is missing. {cls._names()[str(detail['loc'][-1])]}".strip()
        if detail["type"] == "string_pattern_mismatch":
            return f"does not look right. {cls._names().get(str(detail['loc'][-1]), '')}".strip()
        return sentence(detail)

    @classmethod
    def _unknown(cls, key: str) -> str:
        if f"{key}_file" in cls._names():
            return (
                "secrets are not written into the settings: put it into a file of its own "
                f"(mode 0600) and write `{key}_file: PATH`"
            )
        near = cls._nearest(key)
        if near:
            return f"unknown key `{key}`; did you mean `{near}`?"
        return f"unknown key `{key}`; known here: {', '.join(cls._names())}"

    @classmethod
    def _nearest(cls, key: str) -> str | None:
        return next(iter(difflib.get_close_matches(key, cls._names(), n=1)), None)

    @classmethod
    def _names(cls) -> dict[str, str]:
        fields = cls.model_fields.items()
        return {field.alias or name: first_sentence(field.description) for name, field in fields}


def first_sentence(text: str | None) -> str:
    """The first sentence of a field's docstring, on one line."""
    words = " ".join((text or "").split())
    return words.split(". ")[0].rstrip(".")


def sentence(detail: ErrorDetails) -> str:
    """What pydantic found, in the words of somebody who writes a settings file."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return one_of(context["expected"].replace("'", ""), detail["input"])
    if detail["input"] is None and kind.endswith("_type"):
        return "is empty; write a value or remove the key"
    return _SENTENCES.get(kind, detail["msg"]).format(**context)


def one_of(expected: str, value: object) -> str:
    """That `value` is none of the words in `expected` ("a, b or c"), and which it may mean."""
    near = difflib.get_close_matches(str(value), re.findall(r"[\w-]+", expected), n=1)
    return f"must be {expected}" + (f"; did you mean `{near[0]}`?" if near else "")


_SENTENCES = {
    "string_type": "must be text; put quotes around it",
    "path_type": "must be the path of a file",
    "int_type": "must be a whole number, without quotes",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "tuple_type": "must be a list: indented lines that start with `- `",
    "model_type": "must be a section: indented lines of `key: value`",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "union_tag_invalid": "needs `kind: password` or `kind: oauth`",
    "union_tag_not_found": "must be a section that begins with `kind: password` or `kind: oauth`",
}


def _steps(loc: tuple[str | int, ...]) -> Steps:
    return tuple(step for step in loc if not str(step).startswith(TAG))
