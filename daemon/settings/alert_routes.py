"""An alert never travels by the route, or comes from the domain, that it may complain about."""

from collections.abc import Iterator, Sequence

from daemon.alerts.channels.email import EmailSettings
from daemon.settings.addresses import is_loopback
from daemon.settings.alerts import Alerts, Contact
from daemon.settings.problems import Steps
from daemon.settings.section import Refusal
from daemon.settings.shops import ControlRoute, Sending, Shop
from probes.address import parse_mailbox
from probes.public_suffix import same_organization


def shared_ways(
    alerts: Alerts, shops: Sequence[Shop], control: ControlRoute | None
) -> Iterator[Refusal]:
    """E-mail that would travel by the very route, or domain, that it complains about."""
    for at, contact in enumerate(alerts.contacts):
        if isinstance(contact.by, EmailSettings):
            place = ("alerts", "contacts", at, "by")
            watched = list(_watched(contact, shops, control))
            yield from _shared(contact.by, watched, place)


def _watched(
    contact: Contact, shops: Sequence[Shop], control: ControlRoute | None
) -> Iterator[tuple[str, Sending]]:
    """The routes that the contact may be told about, each with its name."""
    for shop in shops:
        if contact.hears_of(shop.name):
            yield from ((f"{shop.name}/{route.name}", route) for route in shop.routes)
    if control and contact.operator:
        yield control.name, control


def _shared(
    by: EmailSettings, watched: Sequence[tuple[str, Sending]], place: Steps
) -> Iterator[Refusal]:
    for name, route in watched:
        if same_organization(by.mailbox.domain, parse_mailbox(route.sender).domain):
            yield (
                (*place, "from"),
                f"must be at another domain than {name}: it may tell of it",
            )
            break
    for name, route in watched:
        if _same_server(by, route):
            yield (
                (*place, "host"),
                f"must be another server than that of {name}: it may tell of it",
            )
            break


def _same_server(by: EmailSettings, route: Sending) -> bool:
    same = by.host.casefold() == route.smtp.host.casefold()
    # on this machine each port may lead somewhere else
    return same and (not is_loopback(by.host) or by.endpoint.port == route.smtp.port)
