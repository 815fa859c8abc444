"""One mail transaction (RFC 5321 section 3.3): whom it is from, and to whom it may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiosmtpd.smtp import Envelope

from daemon.intake import replies
from daemon.intake.admission import Asking
from daemon.intake.commands import read_path
from daemon.intake.replies import Refused
from probes.address import LONGEST_ADDRESS, AddressError, check_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.intake.admission import Purpose
    from daemon.intake.house import House
    from daemon.intake.replies import Reply
    from daemon.intake.terms import Shop

_BODIES = {("BODY", "7BIT"), ("BODY", "8BITMIME")}


class Transaction(Envelope):
    """Begun by MAIL; grows with each recipient that is taken."""

    def __init__(self, house: House, argument: str, shop: Shop | None, *, can_log_in: bool) -> None:
        """Read MAIL's argument. Raises Refused."""
        super().__init__()
        address, parameters = read_path(argument, "FROM:")
        self._house = house
        self._read_parameters(parameters)
        sender = _sender(self._spelt(address))
        self.mail_from: str = address if sender is None else sender
        self._asking = Asking(shop, sender, can_log_in)
        self._refusals: set[Reply] = set()

    @property
    def purpose(self) -> Purpose | None:
        """What it is for, once a recipient was taken."""
        return self._asking.purpose

    @property
    def shop(self) -> str | None:
        """Whose it is: the mail's, else the client's, as far as either is known."""
        known = self.purpose.shop if self.purpose else None
        return known or (self._asking.shop.name if self._asking.shop else None)

    def add(self, argument: str) -> Reply:
        """Read RCPT's argument and rule on it. Raises Refused."""
        address, parameters = read_path(argument, "TO:")
        if parameters:
            raise Refused(replies.BAD_PARAMETER)
        if len(self.rcpt_tos) >= self._house.limits.recipients:
            return replies.TOO_MANY_RECIPIENTS
        ruling = self._house.rules.rule(self._asking, self._spelt(address))
        if ruling.purpose is None:
            return ruling.reply
        if self.purpose is None and not self._house.in_time(ruling.purpose):
            return replies.TOO_FAST
        if self.purpose is None:
            self._asking = self._asking.towards(ruling.purpose)
        if ruling.address not in self.rcpt_tos:
            self.rcpt_tos.append(ruling.address)
        return ruling.reply

    def is_news(self, reply: Reply) -> bool:
        """Whether no recipient was refused by this reply before."""
        known = reply in self._refusals
        self._refusals.add(reply)
        return not known

    def _read_parameters(self, parameters: Mapping[str, str | None]) -> None:
        """SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 section 5)."""
        for keyword, value in parameters.items():
            if keyword == "SIZE" and value and value.isdecimal() and len(value) <= 20:
                if int(value) > self._house.limits.message_bytes:
                    raise Refused(replies.TOO_BIG)
            elif keyword == "SMTPUTF8" and value is None:
                self.smtp_utf8 = True
            elif keyword != "AUTH" and (keyword, (value or "").upper()) not in _BODIES:
                raise Refused(replies.BAD_PARAMETER)

    def _spelt(self, address: str) -> str:
        if not address.isascii() and not self.smtp_utf8:
            raise Refused(replies.NOT_TEXT)
        if len(address) > LONGEST_ADDRESS:
            raise Refused(replies.BAD_SYNTAX)
        return address


def _sender(address: str) -> str | None:
    """The checked address, "" for the null path, None for what we would not write to."""
    try:
        return check_address(address) if address else ""
    except AddressError:
        return None
