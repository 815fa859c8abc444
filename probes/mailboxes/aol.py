"""AOL Mail, on Yahoo's platform."""

from __future__ import annotations

from probes.endpoint import Endpoint, Tls
from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="aol",
    title="AOL Mail",
    domains=(
        *("aol.com", "aim.com", "aol.co.uk", "aol.de", "aol.es", "aol.fr", "aol.it"),
        *("compuserve.com", "cs.com", "netscape.net", "love.com", "ygm.com"),
    ),
    mx_suffixes=("mx-aol.mail.gm0.yahoodns.net",),
    endpoint=Endpoint("imap.aol.com", 993, Tls.IMPLICIT),
    logins=("password", "oauth"),
    advice="Create an app password under Account security; OAuth needs an agreement with Yahoo.",
    spam_names=("Bulk Mail", "Bulk", "Spam"),
    trusted_hosts=("yahoo.com", "aol.com"),
    idle=False,
    unseen=("AOL announces no new mail (IDLE): it is found at the next look.",),
)
