"""Composes the receipt that a probe travels in: one that a customer would not wonder at.

The same arguments give the same bytes. The token stands in the Message-ID, in X-Order-Ref, and as
the order number in the subject and in every part of the body.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency

from probes.address import check_address, parse_mailbox
from probes.receipts.basket import Notation, fill_basket
from probes.receipts.letter import Letter
from probes.receipts.sandbox import TemplateError
from probes.receipts.template import (
    Item,
    Template,
    Variables,
    built_in,
    read_template,
    render,
)
from probes.receipts.words import LANGUAGES, choose_words
from probes.token import LENGTH, grouped

if TYPE_CHECKING:
    from pathlib import Path

    from probes.address import Mailbox
    from probes.receipts.basket import Line

__all__ = ["LANGUAGES", "Receipt", "Template", "TemplateError", "compose", "load_template"]

RIGHT_TO_LEFT_MARK = "\u200f"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A composed message: ASCII with CRLF line ends, ready for submission.

    `message_id` has its angle brackets. `template` is the template's name, "built-in" for ours.
    """

    message: bytes = field(repr=False)
    message_id: str
    subject: str
    order_number: str
    language: str
    template: str


def compose(  # noqa: PLR0913 - each names one thing that a receipt differs by
    *,
    token: str,
    sender: str,
    recipient: str,
    now: datetime,
    language: str = "en",
    currency: str = "EUR",
    template: Template | None = None,
    variation: random.Random | None = None,
) -> Receipt:
    """Write the receipt of `token` from `sender` ("Shop <orders@shop.test>") to `recipient`.

    `language` is a BCP 47 tag such as "fa" or "en-GB"; what is not among `LANGUAGES` gets English
    words. `now` dates it (aware). `variation` chooses items, amounts and wording; by default the
    token does. Raises ValueError: AddressError, TemplateError, an unknown language or currency.
    """
    shop, address = parse_mailbox(sender), check_address(recipient)
    notation = Notation(_locale(language), _currency(currency))
    choice = variation or random.Random(token)
    variables = _variables(grouped(token), shop, address, notation, now, choice)
    chosen = template or built_in()
    rendered = render(chosen, variables)
    letter = Letter(
        sender=shop,
        recipient=address,
        subject=rendered.subject,
        message_id=f"<{token.lower()}@{shop.domain}>",
        token=token,
        text=rendered.text,
        html=rendered.html,
        boundary=f"=_{choice.getrandbits(96):024x}",
        now=now,
    )
    return Receipt(
        message=bytes(letter),
        message_id=letter.message_id,
        subject=rendered.subject,
        order_number=variables.order_number,
        language=variables.language,
        template=chosen.name,
    )


def load_template(
    *, text: Path | None = None, html: Path | None = None, subject: str | None = None
) -> Template:
    """The shop's own template, tried out once in every language; raises TemplateError.

    `subject` is a template of one line; without it, the built-in subjects are used.
    """
    template = read_template(text=text, html=html, subject=subject)
    for language in LANGUAGES:
        compose(
            token="0" * LENGTH,
            sender="Shop <orders@shop.example>",
            recipient="customer@mail.example",
            now=datetime(2026, 1, 1, tzinfo=UTC),
            language=language,
            template=template,
        )
    return template


def _variables(
    order_number: str,
    shop: Mailbox,
    recipient: str,
    notation: Notation,
    now: datetime,
    choice: random.Random,
) -> Variables:
    locale = notation.locale
    words = choose_words(locale.language, choice)
    basket = fill_basket(locale.language, notation.currency, choice)
    right_to_left = locale.character_order == "right-to-left"
    return Variables(
        order_number=order_number,
        order_date=notation.date(now),
        shop_name=shop.name or shop.domain,
        shop_address=shop.address,
        customer_address=recipient,
        items=tuple(_item(line, notation) for line in basket.lines),
        subtotal=notation.money(basket.subtotal),
        shipping=notation.money(basket.shipping) if basket.shipping else words.free,
        total=notation.money(basket.total),
        currency=notation.currency,
        language=str(locale).replace("_", "-"),
        direction="rtl" if right_to_left else "ltr",
        mark=RIGHT_TO_LEFT_MARK if right_to_left else "",
        words=words,
    )


def _item(line: Line, notation: Notation) -> Item:
    return Item(
        name=line.name,
        quantity=notation.number(line.quantity),
        price=notation.money(line.price),
        amount=notation.money(line.amount),
    )


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{language!r} is not a language that receipts can be dated in") from error


def _currency(currency: str) -> str:
    if not is_currency(currency):
        raise ValueError(f"{currency!r} is not a currency of ISO 4217")
    return currency
