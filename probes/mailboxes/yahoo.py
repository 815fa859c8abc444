"""Yahoo Mail."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="yahoo",
    title="Yahoo Mail",
    domains=(
        *("yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.it", "yahoo.es", "yahoo.ca"),
        *("yahoo.co.in", "yahoo.com.br", "yahoo.com.au", "ymail.com", "rocketmail.com"),
        # not yahoo.co.jp, which another company runs on servers of its own
        *("yahoo.at", "yahoo.be", "yahoo.ch", "yahoo.cl", "yahoo.co.id", "yahoo.co.il"),
        *("yahoo.co.nz", "yahoo.co.th", "yahoo.co.za", "yahoo.com.ar", "yahoo.com.co"),
        *("yahoo.com.hk", "yahoo.com.mx", "yahoo.com.my", "yahoo.com.pe", "yahoo.com.ph"),
        *("yahoo.com.sg", "yahoo.com.tr", "yahoo.com.tw", "yahoo.com.ve", "yahoo.com.vn"),
        *("yahoo.cz", "yahoo.dk", "yahoo.fi", "yahoo.gr", "yahoo.hu", "yahoo.ie", "yahoo.in"),
        *("yahoo.nl", "yahoo.no", "yahoo.pl", "yahoo.pt", "yahoo.ro", "yahoo.se", "myyahoo.com"),
    ),
    mx_suffixes=("yahoodns.net",),
    endpoint=Endpoint("imap.mail.yahoo.com", 993, Tls.IMPLICIT),
    logins=("password", "oauth"),
    advice=(
        "Create an app password under Account security; OAuth needs an agreement with Yahoo. "
        "If the app password is refused, Yahoo has closed that way for this account."
    ),
    spam_names=("Bulk Mail", "Bulk"),
    trusted_hosts=("yahoo.com",),
    idle=False,
    unseen=("Yahoo announces no new mail (IDLE): it is found at the next look.",),
)
