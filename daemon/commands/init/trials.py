"""Tries an inbox and a route for real, before they are written down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from daemon.assembly.keys import Keys
from daemon.assembly.parties import Parties, oauth_client
from daemon.clock import Clock
from daemon.commands.login import obtain
from daemon.settings import OAuthLogin, PasswordLogin
from daemon.settings.seeds import KINDS
from probes.endpoint import Bearer, Login, Password
from probes.mailbox import Account, LoginRefused, Mailbox, MailboxError
from probes.oauth import AccessTokens, OAuthError
from probes.receipt import compose
from probes.replies import classify
from probes.submission import Outcome, Submission, submit
from probes.token import mint, new_id

if TYPE_CHECKING:
    from daemon.rounds.parties import Route
    from daemon.settings import Seed, Settings


class Trouble(Exception):  # noqa: N818 - reads as what it is
    """It does not work; the text says why and what to do."""


class Held:
    """An account's refresh token, until there is a ledger to keep it."""

    def __init__(self) -> None:
        self.token: str | None = None

    def load(self) -> str | None:
        """The newest token."""
        return self.token

    def save(self, token: str) -> None:
        """Hold the rotated token."""
        self.token = token


class Trials:
    """Tries logins and remembers the refresh tokens that they gave, by account."""

    def __init__(self, *, paste: bool = False) -> None:
        self.held: dict[str, Held] = {}
        self._paste = paste

    def of_seed(self, seed: Seed) -> str:
        """Log in and read the spam folder; raises Trouble."""
        kind = KINDS[seed.provider]
        endpoint = seed.imap.endpoint() if seed.imap else kind.endpoint
        if endpoint is None:
            raise Trouble(f"{kind.title} has no server of its own; name one.")
        try:
            login = self._login(seed)
            return _read_spam(Account(seed.name, seed.address, kind, endpoint, login))
        except LoginRefused as error:
            raise Trouble(f"{error.sentence} {kind.advice}") from None
        except (MailboxError, OAuthError, ValueError) as error:
            raise Trouble(str(error)) from None

    def of_last_route(self, settings: Settings) -> str:
        """Send a receipt by the shop's last route to the first seed; raises Trouble."""
        told = settings.shops[0].routes[-1]
        account = f"{settings.shops[0].name}/{told.name}"
        keys, seed = Keys.of(settings), settings.seeds[0]
        try:
            if isinstance(told.login, OAuthLogin):
                self._obtain(account, told.login)
            parties = Parties(settings, keys.fingerprints, self._hold, Clock().now)
            route = parties.routes()[-1]
            submission = asyncio.run(_send(route, seed.address, keys))
        except (OAuthError, ValueError) as error:
            raise Trouble(str(error)) from None
        if submission.outcome is not Outcome.ACCEPTED:
            raise Trouble(_why(submission, seed.provider))
        return f"{route.endpoint.host} took a test receipt for {seed.address}."

    def forget(self, account: str) -> None:
        """Drop the refresh token of an account that was left out."""
        self.held.pop(account, None)

    def _login(self, seed: Seed) -> Login:
        if isinstance(seed.login, PasswordLogin):
            return Password(seed.username, seed.login.read_password().get_secret_value())
        self._obtain(seed.name, seed.login)
        client, store = oauth_client(seed.login), self._hold(seed.name)
        tokens = AccessTokens(client, store, Clock().now, account=seed.name)
        return Bearer(seed.username, tokens.access_token)

    def _obtain(self, account: str, login: OAuthLogin) -> None:
        refresh_token = obtain(login, paste=self._paste)
        if refresh_token:
            self._hold(account).save(refresh_token)

    def _hold(self, account: str) -> Held:
        return self.held.setdefault(account, Held())


def _read_spam(account: Account) -> str:
    mailbox = Mailbox(account, key=bytes(32))
    try:
        mailbox.open()
        return mailbox.prove_spam_readable()
    finally:
        mailbox.close()


async def _send(route: Route, recipient: str, keys: Keys) -> Submission:
    """The token is ours, so that the daemon will not take the receipt for a forgery."""
    now = Clock().now
    receipt = compose(
        token=mint(keys.tokens, new_id(), recipient),
        sender=route.sender,
        recipient=recipient,
        now=now(),
        language=route.languages[0],
        currency=route.currency,
        template=route.template,
    )
    return await submit(
        receipt.message,
        mail_from=route.mail_from,
        rcpt_to=recipient,
        endpoint=route.endpoint,
        login=route.login,
        helo=route.helo,
        now=now,
    )


def _why(submission: Submission, provider: str) -> str:
    reply = classify(provider, submission.code, submission.enhanced, submission.text)
    code = f"{submission.code} " if submission.code else ""
    stage = submission.stage.value
    return f"At {stage}: {code}{submission.text.rstrip('.')}. {reply.meaning} {reply.remedy}"
