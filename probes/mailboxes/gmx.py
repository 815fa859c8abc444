"""GMX."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="gmx",
    title="GMX",
    domains=(
        *("gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.com"),
        *("gmx.co.uk", "gmx.es", "gmx.eu", "gmx.fr", "gmx.info", "gmx.li", "gmx.org", "gmx.us"),
    ),
    mx_suffixes=("gmx.net", "gmx.com"),
    endpoint=Endpoint("imap.gmx.net", 993, Tls.IMPLICIT),
    logins=("password",),
    advice=(
        "Switch on POP3 & IMAP access in the web settings; an address at gmx.com uses the host "
        "imap.gmx.com."
    ),
    spam_names=("Spam", "Spamverdacht"),
    trusted_hosts=("gmx.net", "gmx.com"),
)
