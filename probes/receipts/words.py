"""The languages that receipts are written in: one TOML file each, several ways to say it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

LANGUAGES = ("ar", "en", "fa", "he")


@dataclass(frozen=True, slots=True)
class Words:
    """What a receipt says in one language, chosen once; the shop's own template may use it too."""

    subject: str
    """Itself a template: it shows `order_number`."""
    greeting: str
    thanks: str
    closing: str
    regards: str
    order: str
    date: str
    item: str
    quantity: str
    amount: str
    subtotal: str
    shipping: str
    free: str
    total: str


def choose_words(language: str, random: Random) -> Words:
    """One way to say a receipt in `language`, the customer's name included."""
    chosen = {key: _one(value, random) for key, value in _load(language).items()}
    chosen["greeting"] = chosen["greeting"].format(name=chosen.pop("names"))
    del chosen["products"]
    return Words(**chosen)


def products(language: str) -> Mapping[str, int]:
    """The shop's products and about what each costs, in euros."""
    found: dict[str, int] = _load(language)["products"]
    return found


def _one(value: object, random: Random) -> str:
    return str(random.choice(value) if isinstance(value, list) else value)


@cache
def _load(language: str) -> dict[str, Any]:
    """The file of `language`; a language that has none is written in English."""
    name = language if language in LANGUAGES else "en"
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text("utf-8"))
