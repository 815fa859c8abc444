"""HTML as the text that people see, and what it says to machines; in linear time.

Broken markup is read as browsers read it: what never ends swallows the rest.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

MOST_SCRIPTS = 20

# A quote counts only after "=". An unclosed one is passed over, and happens once for each kind.
_ATTRIBUTES = r"""(?:=\s*+"[^"]*+"|=\s*+'[^']*'|[^>])*+"""
# No alternative fails after it has read far, so that each character is read once.
_TOKEN = re.compile(
    r"<(?:!--(?:-?>|.*?(?:-->|\Z))"
    r"|(?P<raw>script|style|title|textarea|xmp|noembed)(?=[\s/>])"
    rf"(?P<about>{_ATTRIBUTES})(?:>(?P<inside>.*?)(?:(?=</(?P=raw)[\s/>])|\Z)|\Z)"
    rf"|/?(?P<name>[a-z][^\s/>]{{0,40}}+)(?P<attributes>{_ATTRIBUTES})(?:>|\Z)"
    r"|[!?/][^>]*+(?:>|\Z))",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""(?:^|[\s"'/])(itemprop|content)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE,
)
_LONGEST_TAG = 4000
_STANDS_FOR = {
    **dict.fromkeys(("address", "article", "blockquote", "br", "caption", "center", "dd"), "\n"),
    **dict.fromkeys(("div", "dl", "dt", "footer", "form", "h1", "h2", "h3", "h4", "h5"), "\n"),
    **dict.fromkeys(("h6", "header", "hr", "li", "main", "ol", "p", "pre", "section"), "\n"),
    **dict.fromkeys(("table", "tbody", "tfoot", "thead", "tr", "ul"), "\n"),
    **dict.fromkeys(("td", "th"), " "),
}
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")


@dataclass(slots=True)
class Markup:
    """`text` with a line for each block; JSON-LD `scripts`; `orders` are itemprop orderNumber."""

    text: str = ""
    scripts: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)


def read_markup(source: str) -> Markup:
    """Read a page; raises nothing."""
    found = Markup()

    def replaced(token: re.Match[str]) -> str:
        name = token["name"]
        if name is not None:
            if "itemprop" in token["attributes"]:
                _note_order(token, found)
            return _STANDS_FOR.get(name.lower(), "")
        if token["inside"] and len(found.scripts) < MOST_SCRIPTS:
            _note_script(token, found)
        return ""

    found.text = unescaped(_TOKEN.sub(replaced, source))
    return found


def unescaped(text: str) -> str:
    """`text` with its character references (&eacute; &#233;) replaced."""
    # Python raises ValueError at a number of some thousand digits.
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def _note_script(token: re.Match[str], found: Markup) -> None:
    if "ld+json" in token["about"][:_LONGEST_TAG].lower():
        found.scripts.append(token["inside"])


def _note_order(token: re.Match[str], found: Markup) -> None:
    written = _ATTRIBUTE.finditer(token["attributes"][:_LONGEST_TAG])
    attributes = {a[1].lower(): a[2] or a[3] or a[4] or "" for a in written}
    if attributes.get("itemprop", "").strip() == "orderNumber":
        inside = token.string[token.end() : token.end() + 200].partition("<")[0]
        found.orders.append(unescaped(attributes.get("content", inside)))
