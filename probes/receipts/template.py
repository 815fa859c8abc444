"""The template of a receipt: the built-in one or the shop's own, and what it may say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.resources import files
from typing import TYPE_CHECKING

from probes.address import is_one_line
from probes.receipts.sandbox import HTML, TEXT, TemplateError, parse, render_source
from probes.token import candidates

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2.sandbox import SandboxedEnvironment

    from probes.receipts.words import Words

LONGEST_SOURCE = 64 * 1024
"""Bytes of a template file."""
LONGEST_SUBJECT = 400
"""Characters of a rendered subject."""


@dataclass(frozen=True, slots=True)
class Template:
    """Sources of a receipt; `text` or `html` may be missing, and then so is that part.

    A `subject` of None leaves the choice to the built-in subjects of the receipt's language.
    """

    name: str
    text: str | None
    html: str | None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the order; amounts are written out in the receipt's language and currency."""

    name: str
    quantity: str
    price: str
    amount: str


@dataclass(frozen=True, slots=True)
class Variables:
    """Everything that a template may say; all written out, ready to be shown.

    `direction` is "ltr" or "rtl"; `mark` is an invisible mark to begin a right-to-left line of
    plain text with, empty in other languages.
    """

    order_number: str
    order_date: str
    shop_name: str
    shop_address: str
    customer_address: str
    items: tuple[Item, ...]
    subtotal: str
    shipping: str
    total: str
    currency: str
    language: str
    direction: str
    mark: str
    words: Words


NAMES = tuple(field.name for field in fields(Variables))


@dataclass(frozen=True, slots=True)
class Rendered:
    """The parts of a receipt, with line feeds as line ends."""

    subject: str
    text: str | None
    html: str | None


def built_in() -> Template:
    """The receipt of a shop that brings no template."""
    room = files(__package__)
    text, html = ((room / name).read_text("utf-8") for name in ("built_in.txt", "built_in.html"))
    return Template("built-in", text, html)


def read_template(*, text: Path | None, html: Path | None, subject: str | None = None) -> Template:
    """The shop's own template from its files (UTF-8, at most 64 KiB each).

    Named after the first file. Raises TemplateError; `render` finds what only shows when used.
    """
    given = [path for path in (text, html) if path]
    if not given:
        raise TemplateError("A template needs a text file, an HTML file or both.")
    for path in given:
        parse(_read(path), path.name, TEXT, NAMES)
    if subject is not None:
        parse(subject, "subject", TEXT, NAMES)
    return Template(
        given[0].stem, _read(text) if text else None, _read(html) if html else None, subject
    )


def render(template: Template, variables: Variables) -> Rendered:
    """Every part of `template`; raises TemplateError when one lacks the order number."""
    subject = " ".join(
        _part(template.subject or variables.words.subject, "subject", TEXT, variables).split()
    )
    if not is_one_line(subject) or len(subject) > LONGEST_SUBJECT:
        raise TemplateError("subject: it must be one line of at most 400 characters.")
    return Rendered(
        subject,
        template.text and _part(template.text, f"{template.name} (text)", TEXT, variables),
        template.html and _part(template.html, f"{template.name} (HTML)", HTML, variables),
    )


def _part(source: str, name: str, environment: SandboxedEnvironment, variables: Variables) -> str:
    values = {variable: getattr(variables, variable) for variable in NAMES}
    output = render_source(source, name, environment, values)
    if variables.order_number.replace("-", "") not in candidates(output):
        raise TemplateError(f"{name}: it does not show {{{{ order_number }}}}.")
    return output


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            source = file.read(LONGEST_SOURCE + 1)
        text = source.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path.name}: it cannot be read as UTF-8 text: {error}.") from error
    if len(source) > LONGEST_SOURCE or not all(map(is_one_line, text.split())):
        raise TemplateError(f"{path.name}: it is longer than 64 KiB or holds control characters.")
    return text
