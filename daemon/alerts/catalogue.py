"""Every channel by name, refused at start when one is malformed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from daemon.alerts import channels
from daemon.alerts.channel import Channel
from probes.catalogue import scan

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def all_channels() -> Mapping[str, Channel[Any]]:
    """The channels by name, sorted; raises CatalogueError."""
    return scan(channels, "CHANNEL", Channel)
