"""Gmail and Google Workspace."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="gmail",
    title="Gmail",
    domains=("gmail.com", "googlemail.com"),
    mx_suffixes=("google.com", "googlemail.com"),
    endpoint=Endpoint("imap.gmail.com", 993, Tls.IMPLICIT),
    logins=("password", "oauth"),
    advice=(
        "Switch on 2-Step Verification and create an app password, or log in with Google once; "
        "in Settings, Labels, let Spam be shown in IMAP."
    ),
    spam_names=("[Gmail]/Spam", "[Google Mail]/Spam"),
    # purchases comes last: a receipt is often in updates as well, and that name says more
    categories=("promotions", "social", "updates", "forums", "purchases"),
    trusted_hosts=("google.com",),
    unseen=("Whether a category is shown as a tab is the user's setting, hidden from IMAP.",),
)
