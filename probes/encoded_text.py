"""Bytes to characters: charsets, transfer encodings (RFC 2045 6), encoded words (RFC 2047).

Everything is linear and never fails: what cannot be decoded becomes U+FFFD or stays as it is.
"""

from __future__ import annotations

import binascii
import re
import string

# A charset may name any codec of Python's, and some of those are slow, or no charsets at all.
_CHARSET = re.compile(
    r"us-ascii|ascii|utf-?(?:7|8|16|16[lb]e)|(?:iso-?)?8859-\d{1,2}|iso-8859-8-[ie]|latin-?\d{1,2}"
    r"|(?:windows-|win-?|cp-?)\d{3,4}|koi8-[rtu]|iso-2022-(?:jp|kr)|shift[_-]?jis|euc-?(?:jp|kr)"
    r"|gb(?:2312|k|18030)|big5(?:-?hkscs)?|ks_c_5601-1987|tis-620|mac(?:intosh|roman)",
    re.IGNORECASE,
)
# Hebrew in logical order has names of its own (RFC 1556), which Python does not know.
_LOGICAL_HEBREW = re.compile(r"(iso-8859-8)-[ie]", re.IGNORECASE)
_ENCODED_WORD = re.compile(
    r"=\?(?P<charset>[^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?(?P<encoding>[bBqQ])\?(?P<text>[^?]{0,1000})\?="
)
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t\r\n]{1,200}(?==\?)")
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_NO_BASE64 = bytes(set(range(256)) - set(_BASE64))


def from_charset(content: bytes, charset: str) -> str:
    """`content` as characters; without a known charset, UTF-8 or else Windows-1252."""
    name = _LOGICAL_HEBREW.sub(r"\1", charset.strip())
    known = _CHARSET.fullmatch(name) and name.lower() not in {"us-ascii", "ascii"}
    try:
        return content.decode(name if known else "utf-8", "replace" if known else "strict")
    except (LookupError, UnicodeDecodeError):
        return content.decode("cp1252", "replace")


def transfer_decoded(content: bytes, encoding: str) -> bytes:
    """`content` without its Content-Transfer-Encoding; broken base64 as far as it goes."""
    match encoding.strip().lower():
        case "base64":
            return _from_base64(content)
        case "quoted-printable":
            return binascii.a2b_qp(content)
        case _:
            return content


def decoded_words(value: str) -> str:
    """A header's value with its encoded words decoded; what is none stays."""
    value = _BETWEEN_WORDS.sub("", value)
    decoded, at = [], 0
    for run in _runs(value):
        decoded += [value[at : run[0].start()], _decoded(run)]
        at = run[-1].end()
    return "".join(decoded) + value[at:]


def _runs(value: str) -> list[list[re.Match[str]]]:
    """Adjacent words of one charset: some programs cut a character in two."""
    runs: list[list[re.Match[str]]] = []
    for word in _ENCODED_WORD.finditer(value):
        before = runs[-1][-1] if runs else None
        if before and before.end() == word.start() and before["charset"] == word["charset"]:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _decoded(run: list[re.Match[str]]) -> str:
    return from_charset(b"".join(map(_content, run)), run[0]["charset"])


def _content(word: re.Match[str]) -> bytes:
    text = word["text"].encode("utf-8", "replace")
    if word["encoding"] in "bB":
        return _from_base64(text)
    return binascii.a2b_qp(text, header=True)


def _from_base64(content: bytes) -> bytes:
    letters = content.partition(b"=")[0].translate(None, _NO_BASE64)
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
