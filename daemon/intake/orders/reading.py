"""Reads a message as it was taken in: its order, whom it is for, what to call it."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from daemon.intake.orders.addressees import MAX_ADDRESSES, mailboxes
from daemon.intake.orders.body import Body
from daemon.intake.orders.language import language_of
from daemon.intake.orders.plain_text import one_line
from daemon.intake.orders.search import find_order
from daemon.intake.orders.verdict import Found, Reading
from probes.address import AddressError, Mailbox, check_address
from probes.encoded_text import decoded_words
from probes.letter import Letter, TooHostile, read_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from daemon.intake.orders.terms import OrderTerms

LONGEST_SUBJECT = 500
_LONGEST_DATE = 100
_ENVELOPE_FIELDS = ("x-original-to", "x-envelope-to", "envelope-to")
_JOURNAL = "x-ms-journal-report"
# Exchange writes "Recipient: a@x, Expanded: team@x", and To, Cc or Bcc where it knows which.
_JOURNALED = re.compile(
    r"^(?:Recipient|To|Cc|Bcc): ?<?([^\s<>,;]{1,320})", re.IGNORECASE | re.MULTILINE
)
_Boxes: TypeAlias = tuple[Mailbox, ...]
_NOBODY: _Boxes = ()
_Result = TypeVar("_Result")


def read_order(raw: bytes, terms: OrderTerms, envelope: Sequence[str] = ()) -> Reading:
    """Everything that can be told about a message of a shop; raises nothing on purpose.

    `envelope` are its recipients, where it is to be sent on to them; they count where To and Cc
    name nobody. What breaks a cap is left out and becomes the reading's problem.
    """
    try:
        letter = read_letter(raw)
        if letter.first(_JOURNAL):
            return _journaled(Body(letter), terms)
    except TooHostile as error:
        return Reading(problem=str(error))
    return _read(letter, terms, lambda: _named(letter) or _boxes(envelope))


def _journaled(report: Body, terms: OrderTerms) -> Reading:
    """The message inside, for the recipients that the report names."""
    if not report.messages:
        raise TooHostile("it is a journal's report without a message")
    named = [m[1] for text in report.texts for m in _JOURNALED.finditer(text)]
    if len(named) > MAX_ADDRESSES:
        raise TooHostile(f"it is addressed to more than {MAX_ADDRESSES} addresses")
    return _read(read_letter(report.messages[0]), terms, lambda: _boxes(named))


@dataclasses.dataclass
class _Attempts:
    """Keeps the first problem, and goes on without what could not be read."""

    problem: str | None = None

    def __call__(self, read: Callable[[], _Result], otherwise: _Result) -> _Result:
        try:
            return read()
        except TooHostile as error:
            self.problem = self.problem or str(error)
            return otherwise


def _read(letter: Letter, terms: OrderTerms, named: Callable[[], _Boxes]) -> Reading:
    attempt, body, subject = _Attempts(), Body(letter), _subject(letter)
    senders = attempt(lambda: mailboxes(letter, "from"), _NOBODY)
    sender = senders[0].address if senders else None
    boxes = attempt(named, _NOBODY)
    strangers = tuple(box for box in boxes if not _is_shop(box, senders, terms))
    order = attempt(lambda: _order(body, subject, terms), None)
    language = attempt(lambda: _language(body, subject), None)
    return Reading(
        order=order and _with_customer(order, strangers, sender),
        subject=one_line(subject, LONGEST_SUBJECT),
        sender=sender,
        recipients=tuple(box.address for box in strangers),
        sent_at=_sent_at(letter),
        language=language,
        problem=attempt.problem,
    )


def _order(body: Body, subject: str, terms: OrderTerms) -> Found | None:
    """The order of the message itself, or else of one inside it; raises TooHostile."""
    found = find_order(body, subject, terms)
    for raw in body.messages if found is None else ():
        letter = read_letter(raw)
        found = found or _order(Body(letter, body.depth + 1), _subject(letter), terms)
    return found


def _named(letter: Letter) -> _Boxes:
    """To and Cc; where they are empty, what a mail server noted of the envelope."""
    noted = [field.value for name in _ENVELOPE_FIELDS for field in letter.all(name)]
    return mailboxes(letter, "to", "cc") or _boxes(noted[:MAX_ADDRESSES])


def _is_shop(box: Mailbox, senders: _Boxes, terms: OrderTerms) -> bool:
    folded = box.address.casefold()
    return terms.is_own(folded) or folded in {s.address.casefold() for s in senders}


def _with_customer(order: Found, named: _Boxes, sender: str | None) -> Found:
    """The order's customer, where nothing else told, is the one stranger it was written to."""
    if order.customer is None and len(named) == 1 and not _colleagues(named[0], sender):
        order = dataclasses.replace(order, customer=named[0].address)
    own = (b.name for b in named if b.address == order.customer and b.name)
    return dataclasses.replace(order, customer_name=order.customer_name or next(own, None))


def _colleagues(box: Mailbox, sender: str | None) -> bool:
    """Whether it is the sender's own domain: a shop tells its staff of orders too."""
    return sender is not None and box.domain == sender.rpartition("@")[2]


def _language(body: Body, subject: str) -> str | None:
    return language_of("\n".join([subject, *(body.texts or body.visible)]))


def _subject(letter: Letter) -> str:
    field = letter.first("subject")
    return decoded_words(field.value) if field else ""


def _sent_at(letter: Letter) -> datetime | None:
    field = letter.first("date")
    try:
        sent_at = parsedate_to_datetime(field.value[:_LONGEST_DATE]) if field else None
        return sent_at and sent_at.replace(tzinfo=sent_at.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _boxes(texts: Iterable[str]) -> _Boxes:
    """The addresses, each once; what is none is left out."""
    found = {}
    for text in texts:
        try:
            address = check_address(text.strip().strip("<>"))
        except AddressError:
            continue
        found[address.casefold()] = Mailbox("", address)
    return tuple(found.values())
