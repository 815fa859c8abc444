"""Fastmail."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="fastmail",
    title="Fastmail",
    domains=(
        *("fastmail.com", "fastmail.fm", "fastmail.net", "fastmail.org", "fastmail.co.uk"),
        *("fastmail.de", "fastmail.in", "fastmail.jp", "fastmail.se", "fastmail.us", "sent.com"),
    ),
    mx_suffixes=("messagingengine.com",),
    endpoint=Endpoint("imap.fastmail.com", 993, Tls.IMPLICIT),
    logins=("password",),
    advice="Create an app password with IMAP access under Settings, Privacy & Security.",
    spam_names=("Spam", "Junk Mail"),
    trusted_hosts=("messagingengine.com", "fastmail.com"),
)
