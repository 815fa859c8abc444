"""Renders a receipt from a template: the built-in one or the shop's own.

A template speaks a small part of Jinja2: text, variables, a few filters, `if`, and one loop over
`items`. Nothing in it can call, compute or grow a value, so a rendering takes time and space in
proportion to the template; the sandbox stands behind that, not in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.resources import files
from traceback import walk_tb
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from probes.address import is_one_line
from probes.token import candidates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jinja2.runtime import Context

    from probes.receipts.words import Words

LONGEST_SOURCE = 64 * 1024
"""Bytes of a template file."""
LONGEST_SUBJECT = 400
"""Characters of a rendered subject."""

_FILTERS = frozenset(
    (
        *("capitalize", "default", "e", "escape", "first", "isolate"),
        *("last", "length", "lower", "title", "trim", "upper"),
    )
)
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Filter,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
)


class TemplateError(ValueError):
    """A template that makes no receipt; the text names the file, the line and what is wrong."""


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
        _parse(_read(path), path.name, _TEXT)
    if subject is not None:
        _parse(subject, "subject", _TEXT)
    return Template(
        given[0].stem, _read(text) if text else None, _read(html) if html else None, subject
    )


def render(template: Template, variables: Variables) -> Rendered:
    """Every part of `template`; raises TemplateError when one lacks the order number."""
    subject = " ".join(
        _part(template.subject or variables.words.subject, "subject", _TEXT, variables).split()
    )
    if not is_one_line(subject) or len(subject) > LONGEST_SUBJECT:
        raise TemplateError("subject: it must be one line of at most 400 characters.")
    return Rendered(
        subject,
        template.text and _part(template.text, f"{template.name} (text)", _TEXT, variables),
        template.html and _part(template.html, f"{template.name} (HTML)", _HTML, variables),
    )


def _part(source: str, name: str, environment: SandboxedEnvironment, variables: Variables) -> str:
    tree = _parse(source, name, environment)
    code = environment.compile(tree, name, name)
    compiled = environment.template_class.from_code(environment, code, environment.make_globals({}))
    values = {field.name: getattr(variables, field.name) for field in fields(variables)}
    try:
        output = compiled.render(values)
    except (JinjaError, TypeError, ValueError, ArithmeticError) as error:
        raise TemplateError(f"{name}, line {_line_of(error, name)}: {_sentence(error)}") from error
    if variables.order_number.replace("-", "") not in candidates(output):
        raise TemplateError(f"{name}: it does not show {{{{ order_number }}}}.")
    return output


def _parse(source: str, name: str, environment: SandboxedEnvironment) -> nodes.Template:
    """The tree of `source`, with nothing in it that is not allowed."""
    try:
        tree = environment.parse(source, name, name)
        names = _names(tree)
        problems = ((node.lineno, _problem(node, names)) for node in tree.find_all(nodes.Node))
        line, problem = next((found for found in problems if found[1]), (0, None))
    except TemplateSyntaxError as error:
        raise TemplateError(f"{name}, line {error.lineno}: {_sentence(error.message)}") from error
    except (RecursionError, ValueError) as error:
        raise TemplateError(f"{name}: it is too deep or holds a number too long.") from error
    if problem:
        raise TemplateError(f"{name}, line {line}: {problem}.")
    return tree


def _problem(node: nodes.Node, names: frozenset[str]) -> str | None:
    """Why `node` may not stand in a template."""
    if isinstance(node, nodes.For):
        return _problem_of_loop(node)
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        return f"the filter {node.name} is not among {', '.join(sorted(_FILTERS))}"
    if isinstance(node, nodes.Name) and node.name not in names:
        return f"there is no variable {node.name}"
    return None if isinstance(node, _ALLOWED) else f"{type(node).__name__} is not allowed here"


def _problem_of_loop(loop: nodes.For) -> str | None:
    over_items = isinstance(loop.iter, nodes.Name) and loop.iter.name == "items"
    if not over_items or not isinstance(loop.target, nodes.Name) or loop.recursive:
        return "the only loop is {% for item in items %}"
    nested = next(loop.find_all(nodes.For), None)
    return "a loop inside a loop is not allowed" if nested else None


def _names(tree: nodes.Template) -> frozenset[str]:
    targets = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    return frozenset({field.name for field in fields(Variables)} | targets | {"loop"})


def _sentence(reason: object) -> str:
    return f"{reason}".rstrip(".") + "."


def _line_of(error: BaseException, name: str) -> int:
    """The line of the template that was being rendered."""
    lines = [
        line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == name
    ]
    return lines[-1] if lines else 1


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


@pass_context
def _isolate_text(context: Context, value: object) -> str:
    """Keep `value` apart from right-to-left text around it (Unicode UAX 9: FSI … PDI)."""
    return f"\u2068{value}\u2069" if context["direction"] == "rtl" else str(value)


def _isolate_html(value: object) -> Markup:
    return Markup("<bdi>{}</bdi>").format(value)


def _environment(isolate: Callable[..., str], *, autoescape: bool) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.clear()
    environment.filters["isolate"] = isolate
    return environment


_TEXT = _environment(_isolate_text, autoescape=False)
_HTML = _environment(_isolate_html, autoescape=True)
