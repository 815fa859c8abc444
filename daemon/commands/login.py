"""`receiptwatch login NAME`: lets a person give access to an OAuth mailbox, once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.assembly.keys import Keys
from daemon.assembly.parties import oauth_client
from daemon.clock import Clock
from daemon.commands.options import DEFAULT_FILE, NOT_SO, SettingsFile, load_or_exit, refuse
from daemon.ledger import credentials, mailboxes
from daemon.ledger.database import Ledger
from daemon.ledger.failures import LedgerError
from daemon.settings import OAuthLogin
from probes.oauth import DevicePrompt, GoogleCode, MicrosoftDevice, OAuthError

if TYPE_CHECKING:
    from daemon.settings import Login, Settings


Paste = Annotated[
    bool,
    typer.Option("--paste", help="The browser is on another machine: paste its last address."),
]


def login(
    name: Annotated[str, typer.Argument(help="A seed's name, SHOP/ROUTE, or /control.")],
    config: SettingsFile = DEFAULT_FILE,
    *,
    paste: Paste = False,
) -> None:
    """Log in to an OAuth account in a browser and keep its refresh token in the ledger."""
    settings = load_or_exit(config)
    login = logins(settings).get(name)
    if not isinstance(login, OAuthLogin):
        refuse(f"{name} has no OAuth login. Those that have: {_oauth_names(settings) or 'none'}.")
    try:
        refresh_token = obtain(login, paste=paste)
        if refresh_token:
            asyncio.run(keep(settings, name, refresh_token))
    except (OAuthError, LedgerError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(NOT_SO) from None
    typer.echo(f"{name} is logged in." if refresh_token else f"{name} needs no login by a person.")


def logins(settings: Settings) -> dict[str, Login | None]:
    """Every account of the settings by the name that its refresh token is kept under."""
    seeds = {seed.name: seed.login for seed in settings.seeds}
    routes = {f"{s.name}/{r.name}": r.login for s in settings.shops for r in s.routes}
    control = settings.control
    return {**seeds, **routes, **({f"/{control.name}": control.login} if control else {})}


def obtain(login: OAuthLogin, *, paste: bool) -> str | None:
    """Let a person give access; the refresh token, or None where no person is needed.

    `paste` serves a browser on another machine: the person brings the address it was sent to.
    """
    client = oauth_client(login)
    if isinstance(client, GoogleCode) and paste:
        return client.login_elsewhere(_ask_address, Clock().now).refresh_token
    if isinstance(client, GoogleCode):
        return client.login(_show_address, Clock().now).refresh_token
    if isinstance(client, MicrosoftDevice):
        return client.login(_show_code, Clock().now).refresh_token
    return None


def _show_address(address: str) -> None:
    typer.echo("Open this in a browser on this machine and allow access:\n")
    typer.echo(f"  {address}\n")
    typer.echo("(Is the browser on another machine? Then begin again with --paste.)")


def _ask_address(address: str) -> str:
    typer.echo(f"Open this in a browser on any machine and allow access:\n\n  {address}\n")
    typer.echo("The browser then fails to load a page at 127.0.0.1. That is as it should be.")
    return str(typer.prompt("Paste the whole address of that page"))


def _show_code(prompt: DevicePrompt) -> None:
    until = prompt.expires_at.astimezone().strftime("%H:%M")
    typer.echo(f"Open {prompt.verification_uri} and type {prompt.user_code} before {until}.")


def _oauth_names(settings: Settings) -> str:
    return ", ".join(n for n, told in logins(settings).items() if isinstance(told, OAuthLogin))


async def keep(settings: Settings, name: str, refresh_token: str) -> None:
    """Store the account's refresh token, sealed, and let its mailbox be tried again."""
    ledger = await Ledger.open(settings.read_database_url().get_secret_value())
    try:
        await ledger.migrate()
        async with ledger.write() as conn:
            now, key = Clock().now(), Keys.of(settings).credentials
            await credentials.save(conn, key, name, refresh_token, now)
            if await mailboxes.load(conn, name):
                await mailboxes.resume(conn, name, now)
    finally:
        await ledger.close()
