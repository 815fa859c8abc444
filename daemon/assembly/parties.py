"""From the settings to the routes and seeds that take part in the rounds."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.rounds.bounce_mailboxes import BounceAccount, name_of
from daemon.rounds.parties import OPERATOR, Route, Seed
from daemon.settings import OAuthLogin, PasswordLogin
from probes import catalogue, mailboxes
from probes.endpoint import Bearer, Login, Password
from probes.mailbox import Account
from probes.mailbox_kind import MailboxKind
from probes.mailboxes import plain_imap
from probes.oauth import AccessTokens, GoogleCode, MicrosoftApp, MicrosoftDevice

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from daemon.settings import ControlRoute, Settings, Shop
    from daemon.settings import Route as RouteSettings
    from daemon.settings import Seed as SeedSettings
    from probes.oauth import RefreshStore

LANGUAGES = ("en", "fa", "ar", "he")


def kinds() -> dict[str, MailboxKind]:
    """Every mailbox provider, by name."""
    return catalogue.scan(mailboxes, "MAILBOX", MailboxKind)


class Parties:
    """Builds routes and seeds; `store` gives the place of an account's refresh token."""

    def __init__(
        self,
        settings: Settings,
        fingerprint_key: bytes,
        store: Callable[[str], RefreshStore],
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._store, self._now = settings, store, now
        self._fingerprint_key = fingerprint_key
        self._kinds = kinds()

    def seeds(self) -> list[Seed]:
        """Every seed; raises ValueError when a password file cannot be read."""
        return [self._seed(seed) for seed in self._settings.seeds]

    def routes(self) -> list[Route]:
        """Every shop's routes and the control route; raises ValueError as `seeds` does."""
        of_shops = [
            self._route(shop, route) for shop in self._settings.shops for route in shop.routes
        ]
        control = self._settings.control
        return [*of_shops, self._control(control)] if control else of_shops

    def bounce_accounts(self) -> list[BounceAccount]:
        """The mailboxes that bounces are read from; raises ValueError as `seeds` does."""
        return [account for shop in self._settings.shops if (account := self._bounces(shop))]

    def _bounces(self, shop: Shop) -> BounceAccount | None:
        told = shop.bounces
        if told is None or told.imap is None or told.login is None:
            return None
        name = name_of(shop.name)
        login = self._login(told.login, told.username, name)
        account = Account(name, told.address, plain_imap.MAILBOX, told.imap.endpoint(), login)
        return BounceAccount(
            shop.name, told.address.lower(), account, self._fingerprint(told.login)
        )

    def _seed(self, seed: SeedSettings) -> Seed:
        kind = self._kinds[seed.provider]
        endpoint = seed.imap.endpoint() if seed.imap else kind.endpoint
        if endpoint is None:
            raise ValueError(f"seed {seed.name}: the provider {kind.name} needs `imap`")
        account = Account(
            seed=seed.name,
            address=seed.address,
            kind=kind,
            endpoint=endpoint,
            login=self._login(seed.login, seed.username, seed.name),
            trusted_hosts=seed.trusted_hosts or kind.trusted_hosts,
        )
        return Seed(seed.name, seed.provider, account, self._fingerprint(seed.login))

    def _route(self, shop: Shop, route: RouteSettings) -> Route:
        return Route(
            shop=shop.name,
            name=route.name,
            role=route.role,
            sender=route.sender,
            mail_from=route.envelope_sender,
            endpoint=route.smtp.endpoint(),
            login=self._route_login(route, f"{shop.name}/{route.name}"),
            helo=route.smtp.helo,
            languages=shop.languages,
            currency=shop.currency,
            template=shop.template.read() if shop.template else None,
        )

    def _control(self, route: ControlRoute) -> Route:
        return Route(
            shop=OPERATOR,
            name=route.name,
            role="control",
            sender=route.sender,
            mail_from=route.envelope_sender,
            endpoint=route.smtp.endpoint(),
            login=self._route_login(route, f"/{route.name}"),
            helo=route.smtp.helo,
            languages=LANGUAGES,
            currency="EUR",
            template=None,
        )

    def _route_login(self, route: RouteSettings | ControlRoute, account: str) -> Login | None:
        if route.login is None:
            return None
        return self._login(route.login, route.login.username or route.from_address, account)

    def _login(self, login: PasswordLogin | OAuthLogin, username: str, account: str) -> Login:
        if isinstance(login, PasswordLogin):
            return Password(username, login.read_password().get_secret_value())
        tokens = AccessTokens(oauth_client(login), self._store(account), self._now, account=account)
        return Bearer(username, tokens.access_token, tokens.forget)

    def _fingerprint(self, login: PasswordLogin | OAuthLogin) -> str:
        if isinstance(login, PasswordLogin):
            secret = login.read_password().get_secret_value()
        else:
            secret = f"{login.flow} {login.client_id}"
        return hmac.digest(self._fingerprint_key, secret.encode(), "sha256").hex()[:16]


def oauth_client(login: OAuthLogin) -> GoogleCode | MicrosoftDevice | MicrosoftApp:
    """Our registration at the provider, as the settings name it."""
    told = login.read_client_secret()
    secret = told.get_secret_value() if told else ""
    if login.flow == "google":
        client = GoogleCode(login.client_id, secret)
        return replace(
            client,
            authorization_url=login.auth_url or client.authorization_url,
            token_url=login.token_url or client.token_url,
        )
    if login.flow == "microsoft-device":
        tenant = login.tenant or "common"
        return MicrosoftDevice(login.client_id, tenant, login.auth_url, login.token_url)
    return MicrosoftApp(login.client_id, secret, login.tenant or "", login.token_url)
