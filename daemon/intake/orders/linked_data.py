"""The order in schema.org JSON-LD: Order, ParcelDelivery.partOfOrder, Invoice.referencesOrder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from daemon.intake.orders.markup import unescaped
from daemon.intake.orders.plain_text import one_line, order_number
from probes.address import LONGEST_NAME, AddressError, check_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_SCRIPT = 128 * 1024
_MOST_NODES = 10_000
_POINTERS = ("partOfOrder", "referencesOrder")
_TYPE = re.compile(r"(?:https?://schema\.org/|schema:)?Order")
_PRICE = re.compile(r"\d{1,12}(?:[.,]\d{1,4})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class LinkedOrder:
    """`total` is the text of a plain decimal number, `currency` three capitals (ISO 4217)."""

    number: str
    customer: str | None = None
    customer_name: str | None = None
    total: str | None = None
    currency: str | None = None


def linked_order(scripts: Iterable[str]) -> LinkedOrder | None:
    """The one order that the scripts name; None when they name none, or several."""
    found = [order for script in scripts for order in _orders(_parsed(script))]
    if len({order.number for order in found}) != 1:
        return None
    return max(found, key=lambda order: (order.customer is not None, order.total is not None))


def _parsed(script: str) -> Any:  # noqa: ANN401 - anything that JSON may hold
    script = script.strip().removeprefix("<!--").removesuffix("-->").strip()
    for text in (script, unescaped(script)):
        try:
            return None if len(text) > LONGEST_SCRIPT else _load(text)
        except (ValueError, RecursionError):
            continue
    return None


def _load(text: str) -> Any:  # noqa: ANN401 - anything that JSON may hold
    return json.loads(
        text,
        parse_int=lambda digits: digits if len(digits) <= 64 else None,
        parse_float=lambda digits: Decimal(digits) if len(digits) <= 64 else None,
        parse_constant=_refuse,
        object_pairs_hook=_object,
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _orders(document: Any) -> Iterator[LinkedOrder]:  # noqa: ANN401 - anything that JSON may hold
    waiting, seen = [(document, False)], 0
    while waiting and seen < _MOST_NODES:
        node, pointed_at = waiting.pop()
        seen += 1
        if isinstance(node, list):
            waiting += [(item, pointed_at) for item in node]
        elif isinstance(node, dict):
            waiting += [(value, name in _POINTERS) for name, value in node.items()]
            number = _number(node.get("orderNumber")) if pointed_at or _is_order(node) else None
            if number:
                yield _order(node, number)


def _is_order(node: dict[str, Any]) -> bool:
    return any(_TYPE.fullmatch(kind) for kind in _texts(node.get("@type")))


def _number(value: Any) -> str | None:  # noqa: ANN401 - anything that JSON may hold
    texts = _texts(value)
    return order_number(texts[0]) if len(texts) == 1 else None


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - anything that JSON may hold
    return [item for item in (value if isinstance(value, list) else [value]) if type(item) is str]


def _order(node: dict[str, Any], number: str) -> LinkedOrder:
    customer = _first(node.get("customer"))
    total, currency = _total(node)
    return LinkedOrder(
        number, _address(customer.get("email")), _name(customer.get("name")), total, currency
    )


def _total(node: dict[str, Any]) -> tuple[str | None, str | None]:
    due = _first(node.get("totalPaymentDue")) or node
    price = str(due.get("price", due.get("value")))
    currency = str(due.get("priceCurrency", due.get("currency")))
    if _PRICE.fullmatch(price) and _CURRENCY.fullmatch(currency):
        return price.replace(",", "."), currency
    return None, None


def _first(value: Any) -> dict[str, Any]:  # noqa: ANN401 - anything that JSON may hold
    objects = [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]
    return objects[0] if objects else {}


def _address(value: Any) -> str | None:  # noqa: ANN401 - anything that JSON may hold
    try:
        return check_address(value.removeprefix("mailto:")) if isinstance(value, str) else None
    except AddressError:
        return None


def _name(value: Any) -> str | None:  # noqa: ANN401 - anything that JSON may hold
    return one_line(value, LONGEST_NAME) if isinstance(value, str) else None
