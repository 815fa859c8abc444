"""From a settings file to `Settings`, or to everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from daemon.settings.document import Document, read
from daemon.settings.models import Settings
from daemon.settings.problems import Problem, SettingsError
from daemon.settings.section import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load(path: Path) -> Settings:
    """Read, parse and check `path` and the files it names; raises SettingsError.

    Relative paths in the file are relative to its folder. Everything wrong is said at once.
    """
    document = read(path)
    if document.data is None and not document.problems:
        sentence = "is empty; `receiptwatch config example` prints one to start from"
        raise SettingsError(path, [Problem(1, 1, "", sentence)])
    problems = list(document.problems)
    try:
        settings = Settings.model_validate(
            document.data, context={"folder": path.absolute().parent}
        )
    except ValidationError as error:
        problems += _problems(document, error)
    if problems:
        raise SettingsError(path, problems)
    return settings


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    for steps, sentence in refusals(error):
        if not any(steps[: len(refused)] == refused for refused in document.refused):
            yield document.problem(steps, sentence)
