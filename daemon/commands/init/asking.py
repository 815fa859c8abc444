"""Who answers `init`'s questions: a person at a terminal, or a file of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import typer

from daemon.settings.document import Document, read
from daemon.settings.files import read_secret
from daemon.settings.problems import Problem, SettingsError, Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

RETRY, SKIP, STOP = "retry", "skip", "stop"


class Asker(Protocol):
    """Gives answers; `at` names a question as the settings name the value, below `init`'s own."""

    def say(self, sentence: str) -> None:
        """Show a sentence."""

    def text(
        self, at: Steps, question: str, check: Callable[[str], T], default: str | None = None
    ) -> T:
        """The answer as `check` returns it; `check` raises ValueError with what is wrong."""

    def secret(self, at: Steps, question: str) -> str:
        """One line that is never shown."""

    def more(self, at: Steps, question: str, *, needed: bool) -> bool:
        """Whether there is an entry `at` to ask about; always, if one is `needed`."""

    def has(self, at: Steps) -> bool:
        """Whether an answer is there that no person is asked for."""

    def after_failure(self) -> str:
        """RETRY, SKIP or STOP."""


def choose(asker: Asker, at: Steps, question: str, options: Sequence[str], default: str) -> str:
    """One of `options`; its beginning is enough where no other begins so."""

    def chosen(answer: str) -> str:
        near = [option for option in options if option.startswith(answer.strip().lower())]
        exact = [option for option in near if option == answer.strip().lower()]
        if len(exact or near) != 1:
            raise ValueError(f"must be one of {', '.join(options)}")
        return (exact or near)[0]

    return asker.text(at, f"{question} ({', '.join(options)})", chosen, default)


class Terminal:
    """A person; what was answered before is offered again after a retry."""

    def __init__(self) -> None:
        self._before: dict[Steps, str] = {}

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        typer.echo(sentence)

    def text(
        self, at: Steps, question: str, check: Callable[[str], T], default: str | None = None
    ) -> T:
        """Ask until `check` accepts it."""
        while True:
            offered = self._before.get(at, default)
            answer = str(typer.prompt(question, default=offered, show_default=bool(offered)))
            try:
                checked = check(answer)
            except ValueError as error:
                typer.echo(f"  {error}.".replace("..", "."))
            else:
                self._before[at] = answer
                return checked

    def secret(self, at: Steps, question: str) -> str:
        """Ask without an echo."""
        del at
        return str(typer.prompt(question, hide_input=True))

    def more(self, at: Steps, question: str, *, needed: bool) -> bool:
        """Ask, unless one is needed."""
        del at
        return needed or typer.confirm(question, default=False)

    def has(self, at: Steps) -> bool:
        """A person is asked for nothing unusual."""
        del at
        return False

    def after_failure(self) -> str:
        """Ask."""
        question = "Try again with other answers, skip this, or stop without writing anything"
        return choose(self, ("after",), question, (RETRY, SKIP, STOP), RETRY)


class Answers:
    """A YAML file in the shape of the settings, with the secrets themselves in it.

    Raises SettingsError for an answer that is missing or wrong, with its place in the file.
    """

    def __init__(self, path: Path) -> None:
        try:
            read_secret(path)
        except ValueError as error:
            raise SettingsError(path, [Problem(1, 1, "", str(error))]) from None
        self._path, self._document = path, read(path)
        if self._document.problems:
            raise SettingsError(path, self._document.problems)

    def say(self, sentence: str) -> None:
        """Show a sentence, for the log of whoever runs this unattended."""
        typer.echo(sentence)

    def text(
        self, at: Steps, question: str, check: Callable[[str], T], default: str | None = None
    ) -> T:
        """The file's answer, else the default."""
        found = _found(self._document, at)
        answer = default if found is None else found
        if answer is None or isinstance(answer, dict | list):
            raise self._wrong(at, f"an answer is needed: {question}")
        try:
            return check(str(answer))
        except ValueError as error:
            raise self._wrong(at, str(error)) from None

    def secret(self, at: Steps, question: str) -> str:
        """The file's answer."""
        return self.text(at, question, str)

    def more(self, at: Steps, question: str, *, needed: bool) -> bool:
        """Whether the file has such an entry."""
        del question
        return needed or self.has(at)

    def has(self, at: Steps) -> bool:
        """Whether the file has such an answer."""
        return _found(self._document, at) is not None

    def after_failure(self) -> str:
        """`on_failure: skip` in the file, else STOP."""
        return SKIP if _found(self._document, ("on_failure",)) == SKIP else STOP

    def _wrong(self, at: Steps, sentence: str) -> SettingsError:
        return SettingsError(self._path, [self._document.problem(at, sentence)])


def _found(document: Document, at: Steps) -> Any:  # noqa: ANN401 - YAML holds anything
    value: Any = document.data
    for step in at:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
