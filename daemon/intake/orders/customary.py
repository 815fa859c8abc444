"""How shops customarily write an order's number, for shops without patterns of their own.

Better none than a wrong one: a word for "order" must be followed by a word for "number" or by "#",
and then at once by what looks like a number; and where a text names several, it names none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemon.intake.orders.plain_text import order_number

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO = r"(?:(?:num(?:ber|mer|ero)?|núm(?:ero)?|nr|no)\b\.?|n[°º]\.?|№|#)"
_LABELS = (
    # English, Danish, Norwegian, Swedish, Dutch, German
    rf"(?<!purchase )(?<!work )(?<!money )ord(?:er|re)\s?(?:{_NO}|(?:id|code|ref(?:erence)?)\b\.?)",
    rf"order (?:confirmation|details|receipt|summary|update)[\s:(–-]{{0,3}}{_NO}",
    r"ordre?s?-?(?:nummer|nr\.?)",
    rf"(?:bestel|bestell|beställnings|bestillings|auftrags|bestellungs|bestellings)-?{_NO}",
    rf"(?:bestelling|bestellung|bestilling|beställning|auftrag)\s?{_NO}",
    # French, Spanish, Portuguese, Italian
    rf"(?:{_NO}|numéro|r[ée]f[ée]rence) de (?:la |votre )?commande",
    rf"commande\s?(?:{_NO}|numéro)",
    rf"{_NO} d[eo] (?:tu |su |seu )?pedido",
    rf"pedido\s?{_NO}",
    rf"encomenda\s?{_NO}",
    rf"{_NO} (?:d['’]|dell['’]|di )ordine",
    rf"ordine\s?{_NO}",
    # Polish, Turkish
    rf"numer zamówienia|zamówieni[ea]\s?(?:{_NO}|numer)",
    r"sipariş\s?(?:no\b\.?|numara(?:sı|nız)|#)",
    # Persian
    r"(?:شماره|[کك]د)\s?ی?\s?سفارش(?:\s?شما|\s?تان)?",
    r"سفارش(?:\s?شما|\s?تان)?\s?(?:(?:با|به)\s)?(?:شماره(?:\s?ی)?|[کك]د|#)",
    # Arabic
    r"رقم\s(?:ال)?طلب(?:ك|كم|ية|يتك)?(?:\sالخاص\sب(?:ك|كم))?",
    r"(?:ال)?طلب(?:ك|كم|ية|يتك)?\s?(?:رقم|#)",
    # Hebrew
    r"(?:מספר|מס['׳]?)\s(?:ה)?הזמנ(?:ה|תך|תכם)(?:\sשל(?:ך|כם))?",
    r"(?:ה)?הזמנ(?:ה|תך|תכם)\s?(?:מספר|מס['׳]?\.?|#)",
)
_GAP = r"(?:\s(?:is|was|lautet|ist|est|es|è|é|הוא|هو))?[\s:#(.\-–]{0,6}"
_SHAPE = (
    r"(?P<{}>[A-Za-z0-9](?:[A-Za-z0-9._/-]{{0,38}}[A-Za-z0-9])?)(?=[\s,;:!?)\]}}\"'»”*|–—…،؛؟.]|$)"
)
_LABELLED = re.compile(
    rf"(?<![^\W\d_])(?:{'|'.join(_LABELS)}){_GAP}{_SHAPE.format('number')}", re.IGNORECASE
)
# "Order (1234)", "Order: 1234 placed on": without a word for "number", something else must follow.
_BRACKETED = re.compile(
    r"(?<![\w-])order:?\s(?:\(#?(?P<bracketed>[A-Z0-9-]{3,30})\)"
    r"|#?(?P<placed>[A-Z]{9}|[A-Z0-9-]{3,30}) placed\b)",
    re.IGNORECASE,
)
_IN_SUBJECT = re.compile(
    r"(?<![\w-])order\s(?P<named>[A-Z]{0,4}-?\d[\d-]{3,30}\d)"
    r"(?=$|[,.!|:)\]]|\s[–—-]|\s(?:has|is|was|confirm|receiv|plac|ship|at|from|on|with)\w*)",
    re.IGNORECASE,
)
_STEMS = re.compile(
    r"ordr?e|ordin|bestel|bestil|beställ|auftrag|commande|pedido|encomenda|zamówieni|sipari"
    r"|سفارش|طلب|הזמנ"
)
_BEFORE, _BEHIND = 60, 140
_REST_OF_WORD = re.compile(r"\S*")
_PRICE_OR_DATE = re.compile(r"\d+\.\d\d|\d{1,4}([./-])\d{1,2}\1\d{1,4}|24/7|\d/\d")


def customary_number(text: str, *, subject: bool = False) -> str | None:
    """The one number that a plain text (`plain_text.plain`) calls an order's."""
    patterns = (_LABELLED, _BRACKETED, _IN_SUBJECT) if subject else (_LABELLED, _BRACKETED)
    found = {number for window in _windows(text) for number in _numbers(window, patterns)}
    return found.pop() if len(found) == 1 else None


def _numbers(window: str, patterns: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    for pattern in patterns:
        for match in pattern.finditer(window):
            name = match.lastgroup
            number = order_number(match[name]) if name else None
            if number and _plausible(number, letters_only=name == "placed"):
                yield number


def _plausible(number: str, *, letters_only: bool) -> bool:
    if letters_only and number.isupper() and len(number) == 9:
        return True  # PrestaShop's references are nine capitals
    has_digit = any("0" <= letter <= "9" for letter in number)
    return has_digit and len(number) > 1 and not _PRICE_OR_DATE.fullmatch(number)


def _windows(text: str) -> Iterator[str]:
    """The stretches around words for "order", each once: all else costs next to nothing."""
    start, end = 0, -1
    # of all letters only İ changes the length of a text that is made lower case
    for stem in _STEMS.finditer(text.replace("İ", "i").lower()):
        if end >= 0 and stem.start() - _BEFORE > end:
            yield text[start:end]
        if end < 0 or stem.start() - _BEFORE > end:
            start = max(0, stem.start() - _BEFORE)
        end = _end_of_word(text, stem.end() + _BEHIND)
    if end >= 0:
        yield text[start:end]


def _end_of_word(text: str, at: int) -> int:
    rest = _REST_OF_WORD.match(text, at)
    return rest.end() if rest else len(text)
