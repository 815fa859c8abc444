"""The small part of Jinja2 that a receipt's template speaks.

Text, variables, a few filters, `if`, and one loop over `items`. Nothing in it can call, compute or
grow a value, so a rendering takes time and space in proportion to the template; Jinja2's sandbox
stands behind that, not in front of it.
"""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jinja2.runtime import Context

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


def render_source(
    source: str, name: str, environment: SandboxedEnvironment, values: Mapping[str, object]
) -> str:
    """What `source` says of `values`; `name` is what errors call it. Raises TemplateError."""
    tree = parse(source, name, environment, values)
    try:
        code = environment.compile(tree, name, name)
        compiled = environment.template_class.from_code(environment, code, {})
        return compiled.render(values)
    except (SyntaxError, RecursionError, MemoryError) as error:  # of the Python it compiles to
        raise TemplateError(f"{name}: it is nested too deep.") from error
    except (JinjaError, TypeError, ValueError, ArithmeticError) as error:
        raise TemplateError(f"{name}, line {_line_of(error, name)}: {_sentence(error)}") from error


def parse(
    source: str, name: str, environment: SandboxedEnvironment, variables: Iterable[str]
) -> nodes.Template:
    """The tree of `source`, with nothing in it that is not allowed. Raises TemplateError."""
    try:
        tree = environment.parse(source, name, name)
        names = _names(tree, variables)
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


def _names(tree: nodes.Template, variables: Iterable[str]) -> frozenset[str]:
    targets = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    return frozenset({*variables, *targets, "loop"})


def _sentence(reason: object) -> str:
    return f"{reason}".rstrip(".") + "."


def _line_of(error: BaseException, name: str) -> int:
    """The line of the template that was being rendered."""
    lines = [
        line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == name
    ]
    return lines[-1] if lines else 1


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


TEXT = _environment(_isolate_text, autoescape=False)
HTML = _environment(_isolate_html, autoescape=True)
