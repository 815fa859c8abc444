"""Any other IMAP server: the operator names the host; folders are found by flag, then by name."""

from __future__ import annotations

from probes.mailbox_kind import MailboxKind

MAILBOX = MailboxKind(
    name="plain",
    title="IMAP",
    domains=(),
    mx_suffixes=(),
    endpoint=None,
    logins=("password", "oauth"),
    advice=(
        "Use the password that your mail program uses; where the provider has app passwords or "
        "authorisation codes (163, QQ), use one of those."
    ),
    # 163 and QQ refuse every folder as "Unsafe Login" until the client has said who it is
    needs_id=True,
    unseen=("Without trusted_hosts no Received line can be believed, so SPF is not evaluable.",),
)
