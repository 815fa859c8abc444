"""iCloud Mail."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="icloud",
    title="iCloud Mail",
    domains=("icloud.com", "me.com", "mac.com"),
    mx_suffixes=("mail.icloud.com",),
    endpoint=Endpoint("imap.mail.me.com", 993, Tls.IMPLICIT),
    logins=("password",),
    advice=(
        "Create an app-specific password at account.apple.com; the user name is the part of the "
        "address before the @."
    ),
    spam_names=("Junk",),
    trusted_hosts=("icloud.com", "me.com", "apple.com"),
)
