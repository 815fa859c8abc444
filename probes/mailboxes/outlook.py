"""Outlook.com, Hotmail, Live, MSN and Microsoft 365: one IMAP server, one way of filing.

`X-Microsoft-Antispam-Mailbox-Delivery` is undocumented; practitioners agree on `dest:` (I inbox,
J junk, C a folder chosen by the user's rule). SCL alone is shown but never believed: safe-sender
lists put mail with a high SCL into the inbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind
from probes.observation import FolderRole

if TYPE_CHECKING:
    from collections.abc import Mapping

_DESTINATIONS = {
    "I": ("the inbox", FolderRole.INBOX),
    "J": ("junk", FolderRole.SPAM),
    "C": ("a folder of the user's own rule", FolderRole.OTHER),
}


def explain(headers: Mapping[str, str], role: FolderRole) -> tuple[str, ...]:
    """Where Outlook says that it delivered to, whether that still holds, and its spam verdict."""
    delivery = _fields(headers.get("x-microsoft-antispam-mailbox-delivery", ""))
    report = _fields(headers.get("x-forefront-antispam-report", ""))
    scl = report.get("SCL") or headers.get("x-ms-exchange-organization-scl", "").strip()
    words = [
        *_destination(delivery.get("DEST", ""), role),
        *([f"Outlook's spam confidence level is {scl[:8]}."] if scl else []),
        *([f"Outlook's category is {report['CAT'][:16]}."] if report.get("CAT") else []),
        *([f"Outlook's filter verdict is {report['SFV'][:16]}."] if report.get("SFV") else []),
    ]
    return tuple(words)


def _destination(letter: str, role: FolderRole) -> list[str]:
    if letter not in _DESTINATIONS:
        return []
    place, delivered_as = _DESTINATIONS[letter]
    delivered = f"Outlook delivered it to {place} (dest:{letter})."
    if delivered_as is role:
        return [delivered]
    return [delivered, f"It is in the {role} folder now, so it was moved after the delivery."]


def _fields(value: str) -> dict[str, str]:
    """`a:1;B:2` as {"A": "1", "B": "2"}; what is no such pair is left out."""
    pairs = (part.strip().partition(":") for part in value.split(";"))
    return {name.strip().upper(): text.strip() for name, colon, text in pairs if colon}


MAILBOX = MailboxKind(
    name="outlook",
    title="Outlook.com and Microsoft 365",
    domains=(
        *("outlook.com", "outlook.de", "outlook.fr", "outlook.es", "outlook.it", "outlook.sa"),
        *("outlook.at", "outlook.be", "outlook.cl", "outlook.co.id", "outlook.co.il"),
        *("outlook.co.th", "outlook.com.ar", "outlook.com.au", "outlook.com.br", "outlook.com.gr"),
        *("outlook.com.tr", "outlook.com.vn", "outlook.cz", "outlook.dk", "outlook.hu"),
        *("outlook.ie", "outlook.in", "outlook.jp", "outlook.kr", "outlook.lv", "outlook.my"),
        *("outlook.ph", "outlook.pt", "outlook.sg", "outlook.sk"),
        *("hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.de", "hotmail.it", "hotmail.es"),
        *("hotmail.be", "hotmail.ca", "hotmail.ch", "hotmail.cl", "hotmail.co.il", "hotmail.co.jp"),
        *("hotmail.co.nz", "hotmail.co.th", "hotmail.co.za", "hotmail.com.ar", "hotmail.com.au"),
        *("hotmail.com.br", "hotmail.com.tr", "hotmail.cz", "hotmail.dk", "hotmail.fi"),
        *("hotmail.gr", "hotmail.hu", "hotmail.nl", "hotmail.no", "hotmail.se", "hotmail.sg"),
        *("live.com", "live.co.uk", "live.fr", "live.nl", "live.at", "live.be", "live.ca"),
        *("live.cl", "live.cn", "live.co.za", "live.com.ar", "live.com.au", "live.com.mx"),
        *("live.com.my", "live.com.pt", "live.com.sg", "live.de", "live.dk", "live.hk", "live.ie"),
        *("live.in", "live.it", "live.jp", "live.no", "live.ru", "live.se"),
        *("windowslive.com", "msn.com", "passport.com"),
    ),
    mx_suffixes=("protection.outlook.com", "mx.microsoft"),
    endpoint=Endpoint("outlook.office365.com", 993, Tls.IMPLICIT),
    logins=("oauth",),
    advice=(
        "Log in with Microsoft (passwords and app passwords are refused since September 2024), "
        "and switch IMAP on in the web settings under Mail, Forwarding and IMAP."
    ),
    spam_names=("Junk Email", "Junk E-mail"),
    trusted_hosts=("outlook.com", "office365.com"),
    unseen=(
        "Focused and Other are not visible by IMAP: both read as the inbox.",
        "Mail held in Microsoft 365's quarantine is not visible by IMAP: it reads as missing.",
    ),
    explain=explain,
)
