"""E-mail by a route of its own: an alert never travels by the route that it complains about.

The Message-ID derives from the notice's key, so a mailbox that sees both copies of a notice in
doubt can drop one (Gmail does).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from daemon.alerts.channel import Channel, ChannelSettings, Receipt, Undeliverable
from daemon.alerts.exchange import is_loopback
from daemon.alerts.letter import letter
from daemon.alerts.secret_file import CaFile, SecretFile, secret_in
from probes.address import check_address, parse_mailbox
from probes.endpoint import Endpoint, Password, Tls
from probes.submission import Outcome, Submission, submit

if TYPE_CHECKING:
    import httpx2

    from daemon.alerts.notice import Notice
    from probes.address import Mailbox

TIMEOUT_S = 10.0
PORTS = {"starttls": 587, "implicit": 465, "none": 25}


def _sender(text: str) -> str:
    parse_mailbox(text)
    return text


class EmailSettings(ChannelSettings):
    """The alert route and whom it writes to."""

    to: Annotated[str, AfterValidator(check_address)]
    """Whom to write to."""
    sender: Annotated[str, AfterValidator(_sender)] = Field(alias="from")
    """Whom alerts come from, at a domain that no watched route uses."""
    host: Annotated[str, Field(min_length=1, max_length=253)]
    """The alert route's SMTP server."""
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """Its port; 587 with starttls, 465 with implicit, 25 with none."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """starttls (required), implicit, or none (no login then, except to this machine)."""
    ca_file: CaFile | None = None
    """A private CA, to verify the server by."""
    username: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    """The name to log in with, where the server asks for that."""
    password_file: SecretFile | None = None
    """File that holds the password alone."""

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("`username` and `password_file` belong together")
        if self.username and self.tls == "none" and not is_loopback(self.host):
            raise ValueError("a login without TLS is for loopback only")
        return self

    @property
    def mailbox(self) -> Mailbox:
        """Whom alerts come from; `domain` is to differ from every watched route's."""
        return parse_mailbox(self.sender)

    @property
    def endpoint(self) -> Endpoint:
        """The alert route's server."""
        port = self.port or PORTS[self.tls]
        return Endpoint(self.host, port, Tls(self.tls), self.ca_file, TIMEOUT_S)


async def deliver(notice: Notice, settings: EmailSettings, _: httpx2.AsyncClient) -> Receipt:
    """Submit the notice as text and HTML; the server's 250 is a success."""
    login = None
    if settings.username and settings.password_file:
        login = Password(settings.username, secret_in(settings.password_file))
    answer = await submit(
        letter(notice, settings.mailbox, settings.to),
        mail_from=settings.mailbox.address,
        rcpt_to=settings.to,
        endpoint=settings.endpoint,
        login=login,
        now=_now,
    )
    if answer.outcome is not Outcome.ACCEPTED:
        raise _refusal(answer)
    return Receipt(answer.queue_id)


CHANNEL = Channel("email", EmailSettings, deliver, deduplicates=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _refusal(answer: Submission) -> Undeliverable:
    code = f" {answer.code}" if answer.code else ""
    return Undeliverable(
        f"The alert route's server{code}: {answer.text.rstrip('.')}.",
        permanent=answer.outcome is Outcome.REJECTED,
        in_doubt=answer.in_doubt,
    )
