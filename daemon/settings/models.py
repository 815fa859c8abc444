"""The whole settings file."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretBytes, SecretStr, model_validator

from daemon.settings.addresses import HostPort, IpAddress, ListenAddress, Port, is_loopback
from daemon.settings.alert_routes import shared_ways
from daemon.settings.alerts import Alerts, strangers
from daemon.settings.database import DatabaseUrl, with_password
from daemon.settings.durations import Duration
from daemon.settings.entries import repeated
from daemon.settings.files import KeyFile, LineFile, read_key, read_line
from daemon.settings.intake import Intake
from daemon.settings.receiving import open_logins, shared_names, shared_senders, unheard
from daemon.settings.section import Refusal, Section, at_least_one, refuse
from daemon.settings.seeds import Seed
from daemon.settings.shops import ControlRoute, Shop


class Listen(Section):
    """Where the daemon's own web pages are."""

    console: ListenAddress = HostPort("127.0.0.1", 8025)
    """Pages and API."""
    metrics: ListenAddress = HostPort("127.0.0.1", 9725)
    """Prometheus metrics and health."""
    allow_public: Annotated[bool, Field(strict=True)] = False
    """true: may listen on addresses that other machines reach; put a proxy with TLS before it."""

    @model_validator(mode="after")
    def _apart_and_private(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        for name, address in (("console", self.console), ("metrics", self.metrics)):
            if not self.allow_public and not is_loopback(address.host):
                yield (name,), "must be on loopback (127.0.0.1), or write `allow_public: true`"
        if self.console == self.metrics and self.console.port:
            yield ("metrics",), "must not be the address of `console`"


class Dns(Section):
    """Whom to ask for DNS records."""

    nameservers: tuple[IpAddress, ...] = ()
    """Addresses of name servers; this machine's own by default."""
    port: Port = 53
    """Their port."""
    timeout: Duration = timedelta(seconds=5)
    """How long one question may take."""


class Cadence(Section):
    """How often each route is probed at each seed."""

    primary: Duration = timedelta(minutes=20)
    """Time between two probes of a primary route to one seed."""
    fallback: Duration = timedelta(minutes=45)
    """The same for fallback routes."""
    control: Duration = timedelta(hours=4)
    """The same for the control route."""
    jitter: Annotated[float, Field(strict=True, ge=0, le=0.5)] = 0.2
    """Share of that time by which each probe comes earlier or later at random."""
    deadline: Duration = timedelta(minutes=6)
    """How long after its sending a probe is overdue; it is looked for 48 hours all the same."""
    per_seed_per_day: Annotated[int, Field(strict=True, ge=1, le=2000)] = 130
    """The most probes that one seed gets in a day, of all shops and routes together."""

    @model_validator(mode="after")
    def _deadline_before_the_next_probe(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        soonest = min(self.primary, self.fallback, self.control)
        if self.deadline >= soonest:
            yield ("deadline",), "must be shorter than primary, fallback and control"


class Retention(Section):
    """How long what was seen is kept."""

    messages: Duration = timedelta(days=30)
    """The raw messages."""
    probes: Duration = timedelta(days=400)
    """Everything else about a probe."""

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.messages < timedelta(days=3):
            yield ("messages",), "must be at least 3d: a probe is looked for during 48 hours"
        if self.probes < self.messages:
            yield ("probes",), "must not be shorter than `messages`"


class Settings(Section):
    """Receiptwatch's settings."""

    database: DatabaseUrl
    """Where all is remembered: sqlite:///FILE, or postgresql://USER@HOST/NAME."""
    database_password_file: LineFile | None = None
    """File that holds PostgreSQL's password."""
    secret_key_file: KeyFile
    """File of 32 random bytes or more; keys of tokens and stored credentials derive from it."""
    api_token_file: LineFile | None = None
    """File that holds the token of the API's callers; without it the API changes nothing."""
    listen: Listen = Listen()
    """Where the daemon's own web pages are."""
    dns: Dns = Dns()
    """Whom to ask for DNS records."""
    cadence: Cadence = Cadence()
    """How often each route is probed at each seed."""
    retention: Retention = Retention()
    """How long what was seen is kept."""
    intake: Intake | None = None
    """Takes in the shops' real receipts, by SMTP. A shop's mail program names one of these
    addresses as its mail server: each receipt is stored here and then sent on by the shop's
    routes (relay). Or the shop sends its receipts itself, and a blind copy of each to here (copy).
    Without this only test receipts are watched."""
    seeds: Annotated[tuple[Seed, ...], AfterValidator(at_least_one)]
    """Probe inboxes: 3 to 5 at each provider tell one odd inbox from the provider."""
    control: ControlRoute | None = None
    """Your own known-good route: tells a changed seed from a changed shop."""
    shops: Annotated[tuple[Shop, ...], AfterValidator(at_least_one)]
    """The shops whose receipts are watched."""
    alerts: Alerts = Alerts()
    """Whom to tell when receipts do not land."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(self._refusals())
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.database_password_file and self.database.startswith("sqlite"):
            yield ("database_password_file",), "belongs to PostgreSQL; remove it"
        yield from shared_ways(self.alerts, self.shops, self.control)
        yield from unheard(self.intake, self.shops)
        yield from open_logins(self.intake, self.shops)
        yield from shared_senders(self.shops)
        if self.intake:
            yield from self._listeners_apart(self.intake)

    def _listeners_apart(self, intake: Intake) -> Iterator[Refusal]:
        for at, listener in enumerate(intake.listen):
            if listener.address.port and listener.address in (
                self.listen.console,
                self.listen.metrics,
            ):
                yield ("intake", "listen", at, "address"), "must not be an address of `listen`"

    @classmethod
    def clashes(cls, data: Mapping[str, Any]) -> Iterator[Refusal]:
        """Names and addresses of seeds and shops are unique; contacts' shops exist."""
        yield from repeated(data, "seeds", "name")
        yield from repeated(data, "seeds", "address")
        yield from repeated(data, "shops", "name")
        yield from strangers(data)
        yield from shared_names(data)

    def read_secret_key(self) -> SecretBytes:
        """The key as the file holds it now; raises ValueError when it cannot be read."""
        return read_key(self.secret_key_file)

    def read_api_token(self) -> SecretStr | None:
        """The API's token, if there is one; raises ValueError when it cannot be read."""
        return read_line(self.api_token_file) if self.api_token_file else None

    def read_database_url(self) -> SecretStr:
        """The database's URL with its password; raises ValueError when that cannot be read."""
        file = self.database_password_file
        return with_password(self.database, read_line(file) if file else None)
