"""What a customer might have bought: a basket that adds up, and how its amounts are written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision

from probes.receipts.words import products

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from babel import Locale

# where a price in euros would look absurd: about what a euro buys, in round numbers
_MAGNITUDE = {
    "IRR": 500_000,
    "VND": 28_000,
    "IDR": 18_000,
    "IQD": 1_500,
    "KRW": 1_600,
    "JPY": 170,
    "HUF": 390,
    "RUB": 95,
    "INR": 98,
    "EGP": 55,
    "TRY": 48,
    "CZK": 24,
    "SEK": 11,
}
_ENDINGS = (Decimal("0.00"), Decimal("-0.05"), Decimal("-0.10"), Decimal("-0.50"))
_SHIPPING = (0, 0, 4, 5, 7)
_DIGITS = {"arab": "٠١٢٣٤٥٦٧٨٩", "arabext": "۰۱۲۳۴۵۶۷۸۹"}


@dataclass(frozen=True, slots=True)
class Line:
    """One product, how many, and the price of one."""

    name: str
    quantity: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """The price of all."""
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    """What was bought and what its shipping costs, all in one currency."""

    lines: tuple[Line, ...]
    shipping: Decimal

    @property
    def subtotal(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def total(self) -> Decimal:
        """The sum of the lines, and the shipping."""
        return self.subtotal + self.shipping


def fill_basket(language: str, currency: str, random: Random) -> Basket:
    """One to four different products of the shop's range, at prices usual in `currency`."""
    offer = products(language)
    names = random.sample(sorted(offer), random.choice((1, 1, 2, 2, 3, 4)))
    lines = tuple(
        Line(name, random.choice((1, 1, 1, 2, 3)), _price(offer[name], currency, random))
        for name in names
    )
    euros = random.choice(_SHIPPING)
    return Basket(lines, _price(euros, currency, random) if euros else Decimal(0))


def _price(euros: int, currency: str, random: Random) -> Decimal:
    """About `euros`, up to 15 % off either way, ending as prices do."""
    worth = euros * _MAGNITUDE.get(currency, 1) * random.uniform(0.85, 1.15)
    if get_currency_precision(currency) >= 2 and currency not in _MAGNITUDE:
        return max(Decimal(round(worth)), Decimal(1)) + random.choice(_ENDINGS)
    step = 10 ** max(len(str(int(worth))) - 2, 0)
    return Decimal(max(round(worth / step), 1) * step)


@dataclass(frozen=True, slots=True)
class Notation:
    """How `language` writes amounts, numbers and dates, in its own digits."""

    locale: Locale
    currency: str

    def money(self, amount: Decimal) -> str:
        """An amount such as "€24.90", with its marks for right-to-left text."""
        written = format_currency(
            amount, self.currency, locale=self.locale, numbering_system="default"
        )
        return self._own_digits(written)

    def number(self, number: int) -> str:
        """A whole number."""
        return self._own_digits(
            format_decimal(number, locale=self.locale, numbering_system="default")
        )

    def date(self, at: datetime) -> str:
        """The day in full words."""
        return self._own_digits(format_date(at.date(), "long", locale=self.locale))

    def _own_digits(self, text: str) -> str:
        digits = _DIGITS.get(self.locale.default_numbering_system, "0123456789")
        return text.translate(str.maketrans("0123456789", digits))
