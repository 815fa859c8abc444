"""Whom to tell when receipts do not land, in which language, by which channel."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
    create_model,
)

from daemon.alerts.catalogue import all_channels
from daemon.alerts.channel import Channel, ChannelSettings
from daemon.alerts.exchange import protected
from daemon.rulings.alerting import QuietHours
from daemon.settings.addresses import Name
from daemon.settings.durations import Duration
from daemon.settings.entries import entries, repeated
from daemon.settings.files import LineFile, read_line
from daemon.settings.section import Refusal, Section, one_of

LONGEST_GAP = timedelta(hours=1)
_TIMES = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", re.ASCII)


def _keys_of(channel: Channel[Any]) -> type[ChannelSettings]:
    """The channel's own settings, as a section that names every mistake in words."""
    name = f"{channel.name.title()}Keys"
    made = create_model(
        name,
        __base__=(Section, channel.settings),
        __doc__=channel.settings.__doc__,
        # the fields bring theirs, and Pydantic would search all modules for a source of the class
        __cls_kwargs__={"use_attribute_docstrings": False},
    )
    cast("type[Section]", made).word = channel.name
    return cast("type[ChannelSettings]", made)


KEYS = {name: _keys_of(channel) for name, channel in all_channels().items()}
"""What `by` holds, for each channel."""


def _channel(value: str) -> str:
    if value not in KEYS:
        *names, last = KEYS
        raise ValueError(one_of(f"{', '.join(names)} or {last}", value))
    return value


def _by(value: Any, _: object, info: ValidationInfo) -> Any:  # noqa: ANN401 - unvalidated
    keys = KEYS.get(info.data.get("channel", ""))
    if keys is None or isinstance(value, keys):
        return value  # without a channel, which is refused already, nothing can be said of it
    return keys.model_validate(value, context=info.context)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise ValueError(f"must be a time zone (IANA), such as Europe/Berlin{hint}") from None
    return value


def _quiet_hours(value: str) -> str:
    if not _TIMES.fullmatch(value):
        raise ValueError('must be two times of day, such as "22:00-07:00"')
    quiet = _parsed(value)
    if quiet.start == quiet.end:
        raise ValueError("must not end when it begins; without quiet hours, remove the key")
    return value


def _parsed(text: str) -> QuietHours:
    start, _, end = text.partition("-")
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end))


def _short_enough(gap: timedelta) -> timedelta:
    if gap > LONGEST_GAP:
        raise ValueError("must be at most 1h: longer, and news would come too late")
    return gap


def _address_in(path: Path) -> Path:
    try:
        protected(read_line(path).get_secret_value())
    except ValueError as error:
        raise ValueError(f"what {path} holds {error}") from None
    return path


if TYPE_CHECKING:
    AnyKeys = ChannelSettings
else:
    AnyKeys = Union[tuple(KEYS.values())]  # noqa: UP007 - of a catalogue's entries

ChannelName = Annotated[
    str, AfterValidator(_channel), WithJsonSchema({"type": "string", "enum": list(KEYS)})
]
Zone = Annotated[str, AfterValidator(_zone)]
QuietTimes = Annotated[
    str,
    AfterValidator(_quiet_hours),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIMES.pattern}$"}),
]
AddressFile = Annotated[LineFile, AfterValidator(_address_in)]


class Policy(Section):
    """When notices are made, grouped and repeated."""

    group_wait: Duration = timedelta(minutes=1)
    """Incidents of one shop that open within this time share a notice."""
    escalate_after: Duration = timedelta(minutes=30)
    """How long each rank has to acknowledge before the next is told."""
    remind_after: Duration = timedelta(hours=24)
    """How often an incident that nobody has acknowledged is told again."""
    cap: Annotated[int, Field(strict=True, ge=1, le=60)] = 6
    """The most notices that one contact gets in an hour."""
    digest_above: Annotated[int, Field(strict=True, ge=1, le=20)] = 3
    """More news than this at once come as one notice."""


class Contact(Section):
    """One person by one channel; whoever has two channels is two contacts."""

    name: Name
    """A short name of your own, seen in logs."""
    language: Literal["en", "fa", "ar", "he"]
    """The language to write in: en, fa, ar, he."""
    time_zone: Zone
    """The clock on the contact's wall (IANA), such as Europe/Berlin."""
    channel: ChannelName
    """email, sms, whatsapp, telegram, slack, webhook or apprise."""
    by: Annotated[AnyKeys, WrapValidator(_by)]
    """The channel's own keys."""
    shops: tuple[Name, ...] = ()
    """The shops to tell of; all by default."""
    rank: Annotated[int, Field(strict=True, ge=0, le=9)] = 0
    """0 is told first, 1 when nobody has acknowledged in time, and so on."""
    operator: Annotated[bool, Field(strict=True)] = False
    """true: hears of faults of test inboxes, of the control route and of failing channels."""
    quiet_hours: QuietTimes | None = None
    """When to be left alone, such as "22:00-07:00"; what comes up then is told afterwards."""
    wakes: Annotated[bool, Field(strict=True)] = False
    """true: what needs somebody now passes the quiet hours."""
    gap: Annotated[Duration, AfterValidator(_short_enough)] | None = None
    """The least time between two notices, at most 1h; what needs somebody now does not wait."""

    @property
    def quiet(self) -> QuietHours | None:
        """The quiet hours, parsed."""
        return _parsed(self.quiet_hours) if self.quiet_hours else None

    def hears_of(self, shop: str) -> bool:
        """Whether the contact is told of that shop's incidents."""
        return not self.shops or shop in self.shops


class Alerts(Section):
    """Whom to tell, and how often."""

    contacts: tuple[Contact, ...] = ()
    """Whom to tell. Have an operator by a second channel, to hear when the first one fails."""
    policy: Policy = Policy()
    """When notices are made, grouped and repeated."""
    heartbeat_url_file: AddressFile | None = None
    """File that holds the URL of a dead man's switch elsewhere: a dead monitor alerts nobody."""
    heartbeat_every: Duration = timedelta(minutes=5)
    """How often it is told that all is well here."""

    @classmethod
    def clashes(cls, data: Mapping[str, Any]) -> Iterator[Refusal]:
        """Names of contacts are unique."""
        yield from repeated(data, "contacts", "name")

    def gaps(self, shops: Iterable[str]) -> Iterator[str]:
        """Sentences on what nobody would hear of, though the settings allow it."""
        for shop in shops:
            if not any(contact.hears_of(shop) for contact in self.contacts):
                yield f"Nobody is told when receipts of {shop} do not land."
        operators = {contact.channel for contact in self.contacts if contact.operator}
        if not operators:
            yield "No contact is an operator: nobody hears of faulty test inboxes."
        for channel in sorted({contact.channel for contact in self.contacts}):
            if not operators - {channel}:
                yield f"When {channel} fails, no operator hears of it by another channel."
        if not self.heartbeat_url_file:
            yield "There is no dead man's switch: nobody hears when this monitor itself dies."

    def read_heartbeat_url(self) -> SecretStr | None:
        """The dead man's switch, if there is one; raises ValueError when it cannot be read."""
        return read_line(self.heartbeat_url_file) if self.heartbeat_url_file else None


def strangers(data: Mapping[str, Any]) -> Iterator[Refusal]:
    """Shops that a contact names and the settings do not; `data` is all of them, unvalidated."""
    known = [
        shop["name"] for _, shop in entries(data, "shops") if isinstance(shop.get("name"), str)
    ]
    alerts = data.get("alerts")
    for at, contact in entries(alerts, "contacts") if isinstance(alerts, Mapping) else ():
        named = contact.get("shops")
        for nth, shop in enumerate(named) if isinstance(named, list) else ():
            if isinstance(shop, str) and shop not in known:
                near = difflib.get_close_matches(shop, known, n=1)
                hint = f"; did you mean `{near[0]}`?" if near else ""
                yield ("alerts", "contacts", at, "shops", nth), f"there is no shop `{shop}`{hint}"
