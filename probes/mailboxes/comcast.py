"""Comcast Xfinity, which is moving to Yahoo's platform."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="comcast",
    title="Comcast Xfinity",
    domains=("comcast.net",),
    mx_suffixes=("comcast.net",),
    endpoint=Endpoint("imap.comcast.net", 993, Tls.IMPLICIT),
    logins=("password",),
    advice=(
        "Allow third-party access in the web settings under Security. An account that was moved "
        "to Yahoo Mail is set up as yahoo, with Yahoo's app password."
    ),
    spam_names=("Spam", "Bulk Mail"),
    trusted_hosts=("comcast.net", "yahoo.com"),
)
