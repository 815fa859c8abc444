"""What `init` asks about a shop, an inbox and a route, and how the answers become settings."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.init.asking import Asker, choose
from daemon.settings import ImapServer, OAuthLogin, PasswordLogin, Route, Seed, Shop, SmtpServer
from daemon.settings.seeds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daemon.commands.init.staging import Staging
    from daemon.settings.problems import Steps
    from daemon.settings.section import Section

FLOWS = ("google", "microsoft-device", "microsoft-app")
SENDER_QUESTIONS = {
    "from": "Sender of its receipts, such as Example Shop <orders@shop.example>",
    "mail_from": "Address that bounces go to",
}
TLS = ("implicit", "starttls", "none")
PORTS = {ImapServer: (993, 143, 143), SmtpServer: (465, 587, 25)}


def ask_shop(asker: Asker, at: Steps) -> dict[str, Any]:
    """A shop without routes."""
    title = asker.text((*at, "title"), "Name of the shop, as customers know it", str)
    name_check = partial(Shop.checked, "name")
    return {
        "name": asker.text((*at, "name"), "Short name for it", name_check, slug(title) or "shop"),
        "title": title,
        "languages": asker.text(
            (*at, "languages"), "Languages of its receipts (en, fa, ar, he)", _languages, "en"
        ),
        "currency": asker.text(
            (*at, "currency"), "Currency of its prices", partial(Shop.checked, "currency"), "EUR"
        ),
    }


def ask_seed(
    asker: Asker, staging: Staging, at: Steps, *, taken: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A probe inbox that is none of `taken`."""
    address = asker.text(
        (*at, "address"), "Address of the probe inbox", _new("address", taken, Seed)
    )
    provider = choose(asker, (*at, "provider"), "Its provider", tuple(KINDS), provider_of(address))
    kind = KINDS[provider]
    name = asker.text(
        (*at, "name"), "Short name for it", _new("name", taken, Seed), _free(provider, taken)
    )
    asker.say(f"{kind.title}: {kind.advice}")
    seed: dict[str, Any] = {"name": name, "provider": provider, "address": address}
    if kind.endpoint is None or asker.has((*at, "imap")):
        seed["imap"] = ask_server(asker, (*at, "imap"), ImapServer)
    seed["login"] = ask_login(
        asker, staging, (*at, "login"), kind.logins, secret=name, flow=_usual_flow(provider)
    )
    return seed


def ask_route(
    asker: Asker, staging: Staging, at: Steps, *, shop: str, taken: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """One way of sending of the shop: primary, if it is the first."""
    role = "fallback" if taken else "primary"
    usual = role if len(taken) < 2 else f"{role}-{len(taken)}"
    name = asker.text((*at, "name"), "Short name for the route", _new("name", taken, Route), usual)
    route: dict[str, Any] = {"name": name, "role": role}
    for key, question in SENDER_QUESTIONS.items():
        if key == "from" or asker.has((*at, key)):
            route[key] = asker.text((*at, key), question, partial(Route.checked, key))
    route["smtp"] = ask_server(asker, (*at, "smtp"), SmtpServer)
    login = ask_login(
        asker,
        staging,
        (*at, "login"),
        ("password", "oauth", "none"),
        secret=f"{shop}-{name}",
        flow="microsoft-app",
        username=True,
    )
    return {**route, "login": login} if login else route


def ask_server(asker: Asker, at: Steps, kind: type[ImapServer | SmtpServer]) -> dict[str, Any]:
    """Host, protection and port of an IMAP or SMTP server."""
    what = "IMAP" if kind is ImapServer else "SMTP"
    host = asker.text(
        (*at, "host"), f"Host name of its {what} server", partial(kind.checked, "host")
    )
    usual = str(kind.model_fields["tls"].default)
    tls = choose(asker, (*at, "tls"), "Protection by TLS", TLS, usual)
    usual_port = dict(zip(TLS, PORTS[kind], strict=True))[tls]
    port = asker.text((*at, "port"), "Port", partial(_port, kind), str(usual_port))
    server: dict[str, Any] = {"host": host, "tls": tls, "port": port}
    if tls != "none":
        ca_file = asker.text((*at, "ca_file"), "File of its private CA (Enter: none)", _ca_file, "")
        server |= {"ca_file": ca_file} if ca_file else {}
    return server


def ask_login(
    asker: Asker,
    staging: Staging,
    at: Steps,
    kinds: Sequence[str],
    *,
    secret: str,
    flow: str,
    username: bool = False,
) -> dict[str, Any] | None:
    """A login of one of `kinds`; its secrets go into staged files whose names begin `secret`."""
    kind = kinds[0]
    if len(kinds) > 1:
        kind = choose(asker, (*at, "kind"), "Log in by", kinds, kinds[0])
    if kind == "none":
        return None
    login: dict[str, Any] = {"kind": kind}
    if username or asker.has((*at, "username")):
        check = partial(PasswordLogin.checked, "username")
        login["username"] = asker.text((*at, "username"), "User name", check)
    if kind == "oauth":
        return login | _ask_oauth(asker, staging, at, secret, flow)
    password = asker.secret((*at, "password"), "Password (not shown)")
    return login | {"password_file": staging.secret(f"{secret}.password", password)}


def _ask_oauth(
    asker: Asker, staging: Staging, at: Steps, secret: str, usual: str
) -> dict[str, Any]:
    flow = choose(asker, (*at, "flow"), "OAuth flow", FLOWS, usual)
    check = partial(OAuthLogin.checked, "client_id")
    login = {
        "flow": flow,
        "client_id": asker.text((*at, "client_id"), "Client id of your application there", check),
    }
    if flow != "microsoft-device":
        text = asker.secret((*at, "client_secret"), "Its client secret (not shown)")
        login["client_secret_file"] = staging.secret(f"{secret}.client-secret", text)
    asked = ("tenant",) if flow == "microsoft-app" else ()
    for key in ("tenant", "token_url", "auth_url"):
        if key in asked or asker.has((*at, key)):
            check = partial(OAuthLogin.checked, key)
            login[key] = asker.text((*at, key), "Directory (tenant), a domain or an id", check)
    return login


def provider_of(address: str) -> str:
    """The provider whose domain the address is in, else plain."""
    domain = address.rpartition("@")[2]
    return next((name for name, kind in KINDS.items() if domain in kind.domains), "plain")


def slug(title: str) -> str:
    """The title as a short name; empty when it has no Latin letters or digits."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")


def _usual_flow(provider: str) -> str:
    return "google" if provider == "gmail" else "microsoft-device"


def _free(provider: str, taken: Sequence[dict[str, Any]]) -> str:
    names = {entry["name"] for entry in taken}
    return next(name for n in range(1, 1000) if (name := f"{provider}-{n}") not in names)


def _new(key: str, taken: Sequence[dict[str, Any]], kind: type[Section]) -> Callable[[str], str]:
    def check(answer: str) -> str:
        value = str(kind.checked(key, answer.strip()))
        if value.casefold() in {entry[key].casefold() for entry in taken}:
            raise ValueError(f"`{value}` is taken; each needs its own")
        return value

    return check


def _languages(answer: str) -> list[str]:
    return list(Shop.checked("languages", tuple(re.findall(r"[a-z]+", answer.lower()))))


def _port(kind: type[ImapServer | SmtpServer], answer: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", answer.strip()):
        raise ValueError("must be a whole number")
    return int(kind.checked("port", int(answer)))


def _ca_file(answer: str) -> str:
    """An absolute path, as the settings are read from more than one place before they are done."""
    path = str(Path(answer).expanduser().absolute()) if answer else ""
    return str(SmtpServer.checked("ca_file", path)) if path else ""
