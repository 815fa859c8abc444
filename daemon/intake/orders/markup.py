"""HTML as the text that people see, and what it says to machines; in linear time.

Broken markup is read as browsers read it: what never ends swallows the rest.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

MOST_SCRIPTS = 20

# A quote counts only after "=". An unclosed one is passed over, and happens once for each kind.
_TAG = re.compile(
    r"""<(/?)([a-zA-Z][^\s/>]{0,40}+)((?:=\s*+"[^"]*+"|=\s*+'[^']*+'|[^>])*+)>""",
)
_ATTRIBUTE = re.compile(
    r"""(?:^|[\s"'/])(itemprop|content|type)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE,
)
_LONGEST_TAG = 4000
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "caption", "center", "dd", "div", "dl", "dt"}
    | {"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol"}
    | {"p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)
_CELLS = frozenset({"td", "th"})
_ENDS = {
    name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "noembed")
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
    found, pieces, at = Markup(), list[str](), 0
    while (tag_at := source.find("<", at)) >= 0:
        pieces.append(source[at:tag_at])
        tag = _TAG.match(source, tag_at)
        if tag is None:
            piece, at = _no_tag(source, tag_at)
            pieces.append(piece)
            continue
        name = tag[2].lower()
        pieces.append("\n" if name in _BLOCKS else " " if name in _CELLS else "")
        at = tag.end()
        if name in _ENDS and not tag[1]:
            at = _swallow(source, tag, _ENDS[name], found)
        elif "itemprop" in tag[3][:_LONGEST_TAG]:
            _note_order(source, tag, found)
    pieces.append(source[at:])
    found.text = unescaped("".join(pieces))
    return found


def unescaped(text: str) -> str:
    """`text` with its character references (&eacute; &#233;) replaced."""
    # Python raises ValueError at a number of some thousand digits.
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def _no_tag(source: str, at: int) -> tuple[str, int]:
    """What stands for a "<" that begins no tag, and where to read on."""
    if source.startswith("<!--", at):
        return "", _after(source, "-->", at + 4)
    following = source[at + 1 : at + 2]
    if following in {"!", "?", "/"}:
        return "", _after(source, ">", at)
    if following.isascii() and following.isalpha():
        return "", len(source)  # a tag that never ends
    return "<", at + 1


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found < 0 else found + len(mark)


def _swallow(source: str, tag: re.Match[str], end: re.Pattern[str], found: Markup) -> int:
    """Leave out an element that holds no markup; keep it when it is JSON-LD."""
    closing = end.search(source, tag.end())
    until = closing.start() if closing else len(source)
    if "ld+json" in tag[3][:_LONGEST_TAG].lower() and len(found.scripts) < MOST_SCRIPTS:
        found.scripts.append(source[tag.end() : until])
    return until


def _note_order(source: str, tag: re.Match[str], found: Markup) -> None:
    attributes = {
        m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(tag[3][:_LONGEST_TAG])
    }
    if attributes.get("itemprop", "").strip() == "orderNumber":
        inside = source[tag.end() : tag.end() + 200].partition("<")[0]
        found.orders.append(unescaped(attributes.get("content", inside)))
