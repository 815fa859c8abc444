"""What an alert channel is; each file in daemon/alerts/channels exports one as `CHANNEL`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx2

    from daemon.alerts.notice import Notice


class ChannelSettings(BaseModel):
    """A channel's keys in the settings file; frozen, unknown keys refused, secrets in files.

    Relative paths are relative to the validation context's `folder`, else to the current one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Settings = TypeVar("Settings", bound=ChannelSettings)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The channel took the notice; `reference` is its own name for it, if it gave one."""

    reference: str | None = None


class Undeliverable(Exception):  # noqa: N818 - named after the verdict
    """The channel did not take the notice; the text is a sentence without secrets.

    `permanent`: another try would fail as well. `retry_after_s`: what the server asked for.
    `in_doubt`: it was handed over and nothing came back, so the contact may have it.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        in_doubt: bool = False,
    ) -> None:
        """Keep what the redelivery ruling needs."""
        super().__init__(sentence)
        self.sentence = sentence
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.in_doubt = in_doubt


@dataclass(frozen=True, slots=True)
class Channel(Generic[Settings]):
    """A way to reach people.

    `deliver` hands over one notice or raises Undeliverable; whatever the outside world does is one
    of these two. `deduplicates` says that a second copy under the same key is not seen twice.
    """

    name: str
    settings: type[Settings]
    deliver: Callable[[Notice, Settings, httpx2.AsyncClient], Awaitable[Receipt]]
    deduplicates: bool
