"""Finds the order of a message: by what its shop states first, by what its text suggests last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.intake.orders.customary import customary_number
from daemon.intake.orders.linked_data import linked_order
from daemon.intake.orders.plain_text import order_number, plain
from daemon.intake.orders.verdict import Found, Matched
from probes.address import AddressError, check_address
from probes.order_pattern import CUSTOMER, NUMBER, compiled

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from daemon.intake.orders.body import Body
    from daemon.intake.orders.terms import OrderTerms


def find_order(body: Body, subject: str, terms: OrderTerms) -> Found | None:
    """The order, with the customer where the message itself names one; raises TooHostile."""
    subject = plain(subject)
    found = _in_header(body, terms) or _in_page(body) or _by_pattern(body, subject, terms)
    if found is None or found.customer is not None:
        return found
    customers = (_customer(text, terms.customer) for _, text in _readable(body, subject))
    customer = next(filter(None, customers), None) if terms.customer else None
    return Found(found.number, found.by, customer, found.customer_name, found.total, found.currency)


def _in_header(body: Body, terms: OrderTerms) -> Found | None:
    fields = (field for name in terms.headers for field in body.letter.all(name.lower()))
    numbers = {number for field in fields if (number := order_number(field.value))}
    return Found(numbers.pop(), Matched.HEADER) if len(numbers) == 1 else None


def _in_page(body: Body) -> Found | None:
    if not body.speaks_to_machines:
        return None
    linked = linked_order(script for page in body.pages for script in page.scripts)
    if linked:
        return Found(
            linked.number,
            Matched.LINKED_DATA,
            linked.customer,
            linked.customer_name,
            linked.total,
            linked.currency,
        )
    marked = {n for page in body.pages for text in page.orders if (n := order_number(text))}
    return Found(marked.pop(), Matched.MICRODATA) if len(marked) == 1 else None


def _by_pattern(body: Body, subject: str, terms: OrderTerms) -> Found | None:
    for by, text in _readable(body, subject):
        if terms.number:
            found = _by_own_pattern(by, text, terms.number)
        else:
            number = customary_number(text, subject=by is Matched.SUBJECT)
            found = Found(number, by) if number else None
        if found:
            return found
    return None


def _readable(body: Body, subject: str) -> Iterator[tuple[Matched, str]]:
    """What people read, the dearest to compute last."""
    yield Matched.SUBJECT, subject
    for text in body.texts:
        yield Matched.BODY, text
    for text in body.visible:
        yield Matched.BODY, text


def _by_own_pattern(by: Matched, text: str, patterns: tuple[str, ...]) -> Found | None:
    for pattern in map(compiled, patterns):
        for match in pattern.finditer(text):
            number = order_number(_group(match, NUMBER))
            if number:
                return Found(number, by, _address(_named(match, CUSTOMER)))
    return None


def _customer(text: str, patterns: tuple[str, ...]) -> str | None:
    for pattern in map(compiled, patterns):
        for match in pattern.finditer(text):
            address = _address(_group(match, CUSTOMER))
            if address:
                return address
    return None


def _group(match: re.Match[str], name: str) -> str:
    """What a pattern without names has in its one group, or one with names in that of `name`."""
    return _named(match, name) if match.re.groupindex else match[1] or ""


def _named(match: re.Match[str], name: str) -> str:
    return (match[name] or "") if name in match.re.groupindex else ""


def _address(text: str) -> str | None:
    try:
        return check_address(text.strip().strip("<>"))
    except AddressError:
        return None
