"""Shops and the routes by which their receipts leave."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from babel.numbers import is_currency
from pydantic import AfterValidator, Field, model_validator

from daemon.settings.addresses import EmailAddress, Name, Sender
from daemon.settings.bounces import Bounces
from daemon.settings.entries import entries, repeated
from daemon.settings.files import TextFile
from daemon.settings.intake import ShopIntake
from daemon.settings.login import Login
from daemon.settings.section import Refusal, Section, at_least_one, refuse
from daemon.settings.servers import SmtpServer, open_login
from daemon.settings.signing import Dkim
from probes.address import parse_mailbox
from probes.receipt import Template as Receipt
from probes.receipt import load_template


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError("must be a currency's code (ISO 4217), such as EUR or USD")
    return value


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("names an entry twice; keep one")
    return values


class Sending(Section):
    """What any way of sending needs."""

    sender: Sender = Field(alias="from")
    """Who the receipts come from, as customers see it."""
    mail_from: EmailAddress | None = None
    """Where bounces go (SMTP MAIL FROM); the address of `from` by default."""
    smtp: SmtpServer
    """The server that takes the mail."""
    login: Login | None = None
    """How to log in to it, where it asks for that."""

    @model_validator(mode="after")
    def _login_in_private(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.login:
            yield from open_login(self.smtp, "smtp")
            if not self.login.username:
                yield ("login", "username"), "is missing. A route's server needs to be told it"

    @property
    def from_address(self) -> str:
        """The address that receipts come from, without its name."""
        return parse_mailbox(self.sender).address

    @property
    def envelope_sender(self) -> str:
        """The address for SMTP MAIL FROM."""
        return self.mail_from or self.from_address


class Label(Section):
    """What a shop's route is called, and what for."""

    name: Name
    """A short name of your own, seen in tables and metrics."""
    role: Literal["primary", "fallback"]
    """primary (the shop's everyday way, exactly one) or fallback."""


class OrderSending(Section):
    """How a shop's route carries order mail."""

    return_path: Literal["signed", "plain"] = "plain"
    """signed: each mail gets a return path of its own below the shop's `bounces` address."""
    dkim: Dkim | None = None
    """Signs order mail with this key (`domain`, `selector`, `key_file`), where the server does not
    sign by itself."""
    connections: Annotated[int, Field(strict=True, ge=1, le=50)] = 5
    """The most connections at a time to its server."""


class Route(OrderSending, Sending, Label):  # in this order, so that a route begins with its label
    """One way of sending of a shop: an SMTP server with a sender's identity."""


class ControlRoute(Sending):
    """The operator's own known-good route: tells a changed seed from a changed shop."""

    name: Name = "control"
    """A short name of your own, seen in tables and metrics."""


class Template(Section):
    """The shop's own receipt, as Jinja2; one of the two files may be missing."""

    text_file: TextFile | None = None
    """The plain text part."""
    html_file: TextFile | None = None
    """The HTML part."""
    subject: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """The subject, in one line; one of the built-in subjects by default."""

    @model_validator(mode="after")
    def _makes_a_receipt(self) -> Self:
        if not (self.text_file or self.html_file):
            raise ValueError("needs a `text_file`, an `html_file` or both")
        self.read()
        return self

    def read(self) -> Receipt:
        """The template as its files hold it now; raises ValueError when it makes no receipt."""
        return load_template(text=self.text_file, html=self.html_file, subject=self.subject)


class Shop(Section):
    """A shop whose receipts are watched."""

    name: Name
    """A short name of your own, seen in tables and metrics."""
    title: Annotated[str, Field(min_length=1, max_length=120)]
    """The shop's name as its customers know it."""
    languages: Annotated[
        tuple[Literal["en", "fa", "ar", "he"], ...],
        AfterValidator(at_least_one),
        AfterValidator(_each_once),
    ]
    """Languages of its receipts: en, fa, ar, he."""
    currency: Annotated[str, AfterValidator(_currency)]
    """The currency of its prices (ISO 4217)."""
    template: Template | None = None
    """Its own receipt, in Jinja2: `text_file`, `html_file`, `subject`; else a built-in one."""
    routes: Annotated[tuple[Route, ...], AfterValidator(at_least_one)]
    """Its ways of sending: one primary and any number of fallbacks."""
    intake: ShopIntake | None = None
    """How its real receipts come in; without it only test receipts are watched."""
    bounces: Bounces | None = None
    """Where its bounces are received."""

    @model_validator(mode="after")
    def _bounces_where_paths_are_signed(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        for at, route in enumerate(self.routes):
            if route.return_path == "signed" and not self.bounces:
                place = ("routes", at, "return_path")
                yield place, "needs the shop's `bounces: address:`, or write plain"

    @property
    def sender_domains(self) -> tuple[str, ...]:
        """The domains that its mail may come from, in A-labels and lower case."""
        of_routes = (route.from_address.rpartition("@")[2] for route in self.routes)
        return tuple(dict.fromkeys((self.intake and self.intake.senders) or of_routes))

    @property
    def primary(self) -> Route:
        """The one primary route."""
        return next(route for route in self.routes if route.role == "primary")

    @classmethod
    def clashes(cls, data: Mapping[str, Any]) -> Iterator[Refusal]:
        """Route names are unique; exactly one route is primary."""
        yield from repeated(data, "routes", "name")
        roles = [route.get("role") for _, route in entries(data, "routes")]
        if roles and "primary" not in roles:
            yield ("routes",), "need one route with `role: primary`"
        for at, role in enumerate(roles):
            if role == "primary" and "primary" in roles[:at]:
                yield ("routes", at, "role"), "only one route may be primary; write fallback"
