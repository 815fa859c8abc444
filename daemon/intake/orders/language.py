"""Guesses the language of a text by its script; for the words of a notice, never for a decision."""

from __future__ import annotations

import re

_HEBREW = re.compile(r"[\u05d0-\u05ea]")
_ARABIC = re.compile(r"[\u0620-\u064a\u066e-\u06d3]")
_PERSIAN = re.compile(r"[پچژگک\u06cc]")  # letters that Arabic does not write
_LATIN = re.compile(r"[A-Za-z]")
_ENGLISH = re.compile(r"\b(?:the|your|you|and|for|is|of|thank|thanks|we|this)\b", re.IGNORECASE)
_LOOKED_AT = 4000


def language_of(text: str) -> str | None:
    """One of en, fa, ar, he; None for other languages, and for what is too short to tell."""
    text = text[:_LOOKED_AT]
    hebrew, arabic, latin = (len(s.findall(text)) for s in (_HEBREW, _ARABIC, _LATIN))
    # Names, addresses and links are Latin everywhere, so a tenth of another script decides.
    if max(hebrew, arabic) >= max(3, latin / 10):
        if hebrew > arabic:
            return "he"
        return "fa" if len(_PERSIAN.findall(text)) * 50 > arabic else "ar"
    english = {word.lower() for word in _ENGLISH.findall(text)}
    return "en" if len(english) >= 2 else None
